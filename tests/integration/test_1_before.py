"""Before the first run: what a newcomer may do wrong, and what a plan tells them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from support.playbook_run import STATE, run_playbook

pytestmark = pytest.mark.usefixtures("stack")


def test_check_mode_without_the_local_stack_says_how_to_start_it() -> None:
    run = run_playbook("site.yml", "--check")

    assert run.return_code == 2
    [failure] = run.failures
    assert failure.startswith("Check mode starts nothing, but aws_emulator, ")
    assert failure.endswith("start them with playbooks/local_up.yml")
    assert list(run.stages) == ["Preflight", "Local stack"]
    assert "Traceback" not in run.output
    assert not STATE.exists()


def test_a_port_in_use_is_refused_with_whose_it_is(tmp_path: Path) -> None:
    offset = 19000
    # The last process to start wants this one.
    with socket.create_server(("127.0.0.1", 8000 + offset)):
        run = run_playbook(
            "playbooks/local_up.yml",
            platform_state_dir=str(tmp_path),
            local_stack_port_offset=offset,
        )

    assert run.return_code == 2
    [failure] = run.failures
    assert f"27000 (triton_http of node_agent) by process {os.getpid()} (" in failure
    assert "choose other ports with local_stack_port_offset" in failure
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_an_empty_account_creates_in_every_stage(empty_plan: dict[str, Any]) -> None:
    changes = empty_plan["changes"]
    stages = {"Models", "Infrastructure", "Image", "Rollout", "Monitoring"}
    assert {change["stage"] for change in changes} == stages
    assert {change["action"] for change in changes} == {"create"}
    assert empty_plan["estimate"]["per_hour"]["awake"] > empty_plan["cost"]["hourly"] > 0.1
    assert not (STATE / "models").exists()
    assert not (STATE / "images").exists()
