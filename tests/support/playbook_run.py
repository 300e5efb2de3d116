"""Run a playbook by ansible-runner and read what happened from its events.

Shared by the integration tests and the benchmarks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import ansible_runner
from free_ports import free_offset

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local" / "test"
HOME = ROOT / ".local" / "test-home"
"""The home folder of every run: nothing of the user's is read, and what is written shows."""
PORT_OFFSET = free_offset()
TIMEOUT_SECONDS = 600
VARIABLES: dict[str, Any] = {
    "platform_state_dir": str(STATE),
    "local_stack_port_offset": PORT_OFFSET,
}
"""Extra variables of every run."""
ENVIRONMENT: dict[str, str] = {
    "ANSIBLE_FORCE_COLOR": "0",
    # By which a plan is compared with a run.
    "ANSIBLE_INJECT_INVOCATION": "1",
    "HOME": str(HOME),
}
"""Environment variables of every run."""
DEAD_PROXY = {"no_proxy": "", "NO_PROXY": ""} | {
    name: "http://127.0.0.1:9"
    for lower in ("all_proxy", "http_proxy", "https_proxy")
    for name in (lower, lower.upper())
}
"""A proxy for every address, through which nobody can have got an answer."""
OTHER_TAINTS = [
    {"key": "example.com/accelerator", "value": "", "effect": "NoSchedule"},
    {"key": "team", "value": "vision", "effect": "NoSchedule"},
]
EVERYTHING: dict[str, Any] = {
    # Not those of the playbooks, so that all who must know them know them from there.
    "gpu_node_group_taints": OTHER_TAINTS,
    "aws_identity_operator_principals": ["arn:aws:iam::123456789012:root"],
    "aws_identity_github_repository": "owner/name",
    "aws_identity_load_balancer_controller": True,
    "aws_identity_ebs_csi": True,
    "eks_cluster_ebs_csi": True,
    "aws_network_flow_logs": True,
    "aws_network_flow_logs_role": "mlops-flow-logs",
}
"""What an inventory may leave out, asked for."""

STAGE = re.compile(r"^(?P<name>\S.*?)  +(?P<result>ok|failed|changed \d+)  +(?P<seconds>[\d.]+)  ")


class Stage(NamedTuple):
    """A row of the table that a run ends with."""

    result: str
    seconds: float


@dataclass
class PlaybookRun:
    """The outcome of one ansible-playbook call.

    ``seconds`` holds the duration of each play by name; ``events`` holds ansible-runner's events.
    """

    status: str
    return_code: int
    output: str
    events: list[dict[str, Any]] = field(repr=False)

    @property
    def changed(self) -> list[str]:
        """Name the tasks that reported a change."""
        return [
            event["event_data"]["task"]
            for event in self.events
            if event["event"] == "runner_on_ok" and event["event_data"]["res"].get("changed")
        ]

    @property
    def failures(self) -> list[str]:
        """Return the messages of the failed tasks, in order."""
        return [
            str(event["event_data"]["res"].get("msg", event["event_data"]["res"]))
            for event in self.events
            if event["event"] == "runner_on_failed" and not event["event_data"].get("ignore_errors")
        ]

    @property
    def tasks(self) -> list[str]:
        """Name the tasks that ran, in order."""
        return [event["event_data"]["task"] for event in self._ended_tasks()]

    @property
    def seconds(self) -> dict[str, float]:
        """Return the seconds that the tasks of each play took, by the play's name."""
        total: dict[str, float] = defaultdict(float)
        for event in self._ended_tasks():
            data = event["event_data"]
            total[data["play"]] += float(data.get("duration") or 0)
        return dict(total)

    @property
    def stages(self) -> dict[str, Stage]:
        """Read the table that the run printed last, by the stage's name."""
        table = self.output.partition("\nSTAGES ")[2]
        return {
            row["name"]: Stage(row["result"], float(row["seconds"]))
            for row in map(STAGE.match, table.splitlines())
            if row
        }

    def result(self, task: str) -> dict[str, Any]:
        """Return the result of a task by its name.

        Raises:
            LookupError: no task of that name ended well.
        """
        for event in self.events:
            if event["event"] == "runner_on_ok" and event["event_data"]["task"] == task:
                result: dict[str, Any] = event["event_data"]["res"]
                return result
        raise LookupError(f"{task!r} is none of {self.tasks}")

    def _ended_tasks(self) -> Iterator[dict[str, Any]]:
        ends = {"runner_on_ok", "runner_on_failed"}
        return (event for event in self.events if event["event"] in ends)


def run_playbook(
    playbook: str,
    *arguments: str,
    inventory: Path = ROOT / "inventories" / "local",
    directory: Path = ROOT,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] | None = None,
    **extra_variables: Any,
) -> PlaybookRun:
    """Run a playbook in ``directory`` on the tests' own local stack; return what happened.

    A run that takes longer than ``TIMEOUT_SECONDS`` is ended, and has the status ``timeout``.
    """
    scratch = Path(tempfile.mkdtemp(prefix="gpu_platform-"))
    path = f"{python.parent}:{os.environ['PATH']}"
    try:
        run = ansible_runner.run(
            private_data_dir=str(scratch),
            project_dir=str(directory),
            playbook=playbook,
            inventory=str(inventory),
            cmdline=" ".join(arguments) or None,
            extravars=VARIABLES | extra_variables,
            envvars={**ENVIRONMENT, "PATH": path, **(environment or {})},
            timeout=TIMEOUT_SECONDS,
            quiet=True,
        )
        return PlaybookRun(run.status, run.rc, run.stdout.read(), list(events_of(run)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_plan(folder: Path, *arguments: str, **variables: Any) -> tuple[PlaybookRun, dict[str, Any]]:
    """Plan into a file in ``folder``; return the run and the file's content."""
    file = folder / "plan.json"
    variables |= {"plan_format": "json", "plan_file": str(file)}
    run = run_playbook("playbooks/plan.yml", *arguments, **variables)
    return run, json.loads(file.read_text(encoding="utf-8"))


def events_of(run: Any) -> Iterator[dict[str, Any]]:
    """Yield the events that carry data."""
    return (event for event in run.events if "event_data" in event)
