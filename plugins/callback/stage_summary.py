"""Callback: a table of the stages of a run, one row for each play."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: stage_summary
type: aggregate
short_description: End a run with a table of its stages
version_added: 0.1.0
author: mlops.gpu_platform maintainers (@mlops-gpu-platform)
description:
  - Prints one row for each play that ran a task, with its result, its seconds and where to look.
  - A play says where to look in its variable C(stage_where); plays without it have no row.
requirements:
  - enabling it with C(callbacks_enabled = mlops.gpu_platform.stage_summary)
"""

import time
from dataclasses import dataclass, field
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

COLUMNS = ("stage", "result", "seconds", "where to look")


@dataclass
class Stage:
    """What happened in one play."""

    name: str
    where: str
    started: float
    ended: float | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"ok": 0, "changed": 0, "failed": 0})

    @property
    def result(self) -> str:
        """Say in a word or two how the stage ended."""
        if self.counts["failed"]:
            return "failed"
        if self.counts["changed"]:
            return f"changed {self.counts['changed']}"
        return "ok"


def render(stages: list[Stage]) -> list[str]:
    """Lay the stages out as the lines of a table."""
    rows = [COLUMNS] + [
        (stage.name, stage.result, f"{(stage.ended or 0) - stage.started:.1f}", stage.where)
        for stage in stages
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        name, result, seconds, where = row
        lines.append(f"{name:<{widths[0]}}  {result:<{widths[1]}}  {seconds:>{widths[2]}}  {where}")
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


class CallbackModule(CallbackBase):
    """Collect the stages of a run and print them at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "mlops.gpu_platform.stage_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Begin with no stage."""
        super().__init__()
        self.stages: list[Stage] = []
        self._current: Stage | None = None

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """End the stage before, and begin one if the play says where to look."""
        self._end_stage()
        if "stage_where" in play.vars:
            self._current = Stage(play.get_name(), self._where(play), time.monotonic())

    def _where(self, play: Any) -> str:
        manager = play.get_variable_manager()
        hosts = manager._inventory.get_hosts(play.hosts) if manager._inventory else []
        if not hosts:
            return ""
        variables = manager.get_vars(play=play, host=hosts[0])
        return str(Templar(play.get_loader(), variables).template(play.vars["stage_where"]))

    def _end_stage(self) -> None:
        if self._current is not None and any(self._current.counts.values()):
            self._current.ended = time.monotonic()
            self.stages.append(self._current)
        self._current = None

    def _count(self, outcome: str) -> None:
        if self._current is not None:
            self._current.counts[outcome] += 1

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count a task that did not fail; argument checks run even where a tag skips the stage."""
        if result.task.action == "ansible.builtin.validate_argument_spec":
            return
        self._count("changed" if result.is_changed() else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Count a task that failed."""
        self._count("failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Count a host that does not answer."""
        self._count("failed")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the table."""
        self._end_stage()
        if not stats.failures and not stats.dark:
            # Whatever failed was rescued.
            for stage in self.stages:
                stage.counts["failed"] = 0
        if self.stages:
            self._display.banner("STAGES")
            for line in render(self.stages):
                self._display.display(line)
