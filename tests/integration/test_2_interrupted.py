"""Ctrl-C in the middle of a run on an empty account; the tests after these go on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest
from support.local_platform import aws_changes, processes, stack_processes
from support.playbook_run import ROOT, STATE, TIMEOUT_SECONDS, VARIABLES

pytestmark = pytest.mark.usefixtures("stack")

INTERRUPTED = 99
"""The exit status of ansible-playbook after Ctrl-C."""
PROMPT_SECONDS = 10


def interrupt_at(task: str, after: float) -> int:
    """Start site.yml, press Ctrl-C when a task has been at work, and return the exit status.

    The run must end at once, with the processes that it waits for.
    """
    playbook = subprocess.Popen(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            "site.yml",
            f"--extra-vars={json.dumps(VARIABLES)}",
        ],
        cwd=ROOT,
        # Otherwise a task is announced with its result, when it is over.
        env={**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    too_late = Timer(TIMEOUT_SECONDS, os.killpg, (playbook.pid, signal.SIGKILL))
    too_late.start()
    try:
        with playbook:
            assert playbook.stdout
            assert any(task in line for line in playbook.stdout), f"{task!r} did not begin"
            # Ansible never ends if its worker is killed while it reports that it has begun.
            time.sleep(after)
            os.killpg(playbook.pid, signal.SIGINT)
            interrupted = time.monotonic()
            rest = playbook.stdout.read()
            status = playbook.wait()
            assert time.monotonic() - interrupted < PROMPT_SECONDS
            assert "Traceback" not in rest
            with pytest.raises(ProcessLookupError):
                os.killpg(playbook.pid, 0)
            await_the_end_of_its_modules()
            return status
    finally:
        too_late.cancel()


def await_the_end_of_its_modules() -> None:
    """Wait for modules that were deep in a library when the signal came."""
    deadline = time.monotonic() + PROMPT_SECONDS
    while left := [text for text in processes().values() if "AnsiballZ_" in text]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_ctrl_c_stops_an_export_and_leaves_nothing_of_it() -> None:
    before = stack_processes()

    assert interrupt_at("TASK [mlops.gpu_platform.model_repository : Export", 3) == INTERRUPTED

    assert not list((STATE / "exports").rglob("export.json"))
    assert before.items() <= stack_processes().items()


def test_ctrl_c_stops_the_run_and_leaves_the_stack_running() -> None:
    before = stack_processes()

    assert (
        interrupt_at("TASK [mlops.gpu_platform.eks_cluster : Create the cluster]", 0.3)
        == INTERRUPTED
    )

    assert "CreateVpc" in aws_changes()
    assert "CreateNodegroup" not in aws_changes()
    assert before.items() <= stack_processes().items()
