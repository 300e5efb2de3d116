#!/usr/bin/python
"""Ansible module: background processes of this machine."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: local_processes
short_description: Start and stop background processes of this machine by their pid files
version_added: 0.1.0
description:
  - Starts processes in the order given, waits until each answers, and records their pids.
  - A process that runs with the same command, environment, files and code is used again. It is
    waited for, and never stopped because it does not answer.
  - Where one of them differs, the process is replaced, unless it O(processes[].holds) something.
    Then that is refused before anything changes.
  - Ports that another program has are refused before any process is started, with whose they are.
  - Processes are asked directly, whatever proxy the environment names.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  state:
    description:
      - V(started) starts what is not running; V(stopped) stops everything of O(run_directory).
    type: str
    choices: [started, stopped]
    default: started
extends_documentation_fragment:
  - mlops.gpu_platform.local_processes
attributes:
  check_mode:
    description: Refuses what it would refuse, and tells what would be started or stopped.
    support: full
  diff_mode:
    description: Has no file to show.
    support: none
  idempotent:
    description: A process that runs as asked is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Serve a folder
  mlops.gpu_platform.local_processes:
    run_directory: /var/tmp/example/run
    log_directory: /var/tmp/example/logs
    processes:
      - name: files
        argv: [python3, -m, http.server, "18080", --bind, 127.0.0.1]
        ports:
          http: 18080
        ready_url: http://127.0.0.1:18080/

- name: Stop it
  mlops.gpu_platform.local_processes:
    state: stopped
    run_directory: /var/tmp/example/run
    log_directory: /var/tmp/example/logs
"""

RETURN = r"""
names:
  description: The processes that were started or stopped.
  returned: success
  type: list
  elements: str
  sample: [files]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes import (
    OPTIONS,
    Process,
    ProcessError,
    Supervisor,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    supervisor = Supervisor(
        Path(module.params["run_directory"]), Path(module.params["log_directory"])
    )
    try:
        if module.params["state"] == "stopped":
            names = supervisor.stop_all(check_mode=module.check_mode)
        else:
            processes = [Process(**options) for options in module.params["processes"]]
            names = supervisor.start(processes, check_mode=module.check_mode)
    except ProcessError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(names), names=names)


if __name__ == "__main__":
    main()
