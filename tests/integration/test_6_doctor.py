"""The doctor on a running stack: all well, then three parts broken at once."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.local_platform import command_line, nothing_changes, processes
from support.playbook_run import STATE, PlaybookRun, run_playbook

pytestmark = pytest.mark.usefixtures("platform")

PROMETHEUS = re.compile(r"prometheus --config")
ROW = re.compile(r"^ *(?P<part>\S.*?)  +(?P<result>ok|not ok)  +(?P<found>\S.*)$", re.MULTILINE)


def doctor() -> PlaybookRun:
    """Ask the doctor, who changes nothing."""
    with nothing_changes():
        run = run_playbook("playbooks/doctor.yml")
    assert run.changed == []
    return run


def table(run: PlaybookRun) -> str:
    """Return the table, without the colours of a terminal."""
    return str(run.result("Print the findings")["msg"])


def rows(run: PlaybookRun) -> dict[str, tuple[str, str]]:
    """Return what the table says of each part."""
    return {row["part"]: (row["result"], row["found"]) for row in ROW.finditer(table(run))}


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """Halt a process meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def process_of(name: str) -> int:
    """Return the process that has a pid file."""
    record = json.loads((STATE / "run" / f"{name}.pid").read_text(encoding="utf-8"))
    return int(record["pid"])


def test_all_is_well() -> None:
    run = doctor()

    assert run.return_code == 0, run.output
    assert {result for result, _ in rows(run).values()} == {"ok"}
    assert {"aws_emulator", "node_agent", "triton", "prometheus", "models"} <= set(rows(run))


def test_every_broken_part_is_named_with_what_to_do() -> None:
    slack, agent = process_of("slack_receiver"), process_of("node_agent")
    [prometheus] = [pid for pid, text in processes().items() if PROMETHEUS.match(text)]
    os.kill(slack, signal.SIGKILL)
    with halted(prometheus), halted(agent):
        run = run_playbook("playbooks/doctor.yml")

    assert run.return_code == 2
    found = rows(run)
    assert {part for part, (result, _) in found.items() if result == "not ok"} == {
        "slack_receiver",
        "node_agent",
        "triton",
        "prometheus",
        "alertmanager",
    }
    assert found["slack_receiver"][1].startswith(f"its process {slack} has ended")
    assert found["node_agent"][1].startswith(f"process {agent} is halted")
    assert f"do: kill -CONT {agent}" in table(run)
    words = " ".join(table(run).split())
    # Triton's pod is well, Prometheus' is not.
    assert "itself answers (GET /v2/health/ready: HTTP 200)" in words
    assert "itself does not answer (GET /-/ready: nothing came within 2 s)" in words
    told = "Not well: slack_receiver, node_agent, triton, prometheus, alertmanager"
    assert run.failures[-1].startswith(told)


def test_what_he_says_to_do_helps() -> None:
    run = run_playbook("playbooks/local_up.yml")

    assert run.return_code == 0, run.output
    assert "slack_receiver" in command_line(process_of("slack_receiver"))
