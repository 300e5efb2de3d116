"""Callback: press Ctrl-C as soon as a task has changed something at AWS."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
---
name: stop_after_change
type: aggregate
short_description: Interrupt a run after its first change at AWS
version_added: 0.1.0
author: mlops.gpu_platform maintainers (@mlops-gpu-platform)
description:
  - Sends SIGINT to ansible-playbook after the first task that changed something and belongs to the
    role which the environment variable C(STOP_AFTER_CHANGE) names.
requirements:
  - enabling it with C(callbacks_enabled = stop_after_change)
"""


class CallbackModule(CallbackBase):
    """Interrupt the run that it watches."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "stop_after_change"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """Look at a task that ended well."""
        role = result.task._role
        watched = os.environ["STOP_AFTER_CHANGE"]
        if result.is_changed() and role and role.get_name(include_role_fqcn=False) == watched:
            # Ansible never ends if SIGINT kills a worker that is about to let go of its queue.
            for worker in multiprocessing.active_children():
                worker.join()
            os.kill(os.getpid(), signal.SIGINT)
