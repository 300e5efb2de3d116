"""Stopping the local stack leaves no process."""

from __future__ import annotations

import pytest
from support.local_platform import command_line, processes
from support.playbook_run import run_playbook

pytestmark = pytest.mark.usefixtures("platform")


def test_local_down_ends_every_process() -> None:
    before = processes()
    assert any("tritonserver" in command for command in before.values())

    run = run_playbook("playbooks/local_down.yml")

    assert run.return_code == 0, run.output
    assert {pid: command for pid, command in before.items() if command_line(pid) == command} == {}
    assert processes() == {}


def test_a_second_local_down_changes_nothing() -> None:
    run = run_playbook("playbooks/local_down.yml")

    assert run.return_code == 0, run.output
    assert run.changed == []
