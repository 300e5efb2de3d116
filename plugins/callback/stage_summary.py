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
  - After a run that failed it offers the playbook C(doctor), which tells what is not well.
requirements:
  - enabling it with C(callbacks_enabled = mlops.gpu_platform.stage_summary)
"""

import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

COLLECTION = "mlops.gpu_platform"
DOCTOR = Path(__file__).resolve().parents[2] / "playbooks" / "doctor.yml"
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


def doctor_command(options: Mapping[str, Any], directory: Path) -> str:
    """Return how to call the doctor as the run was called, from the directory that one is in.

    Extra variables may be secret, so they are not repeated.
    """
    by_name = any(each.startswith(f"{COLLECTION}.") for each in options.get("args", ()))
    words = ["ansible-playbook"]
    inventories = list(options.get("inventory") or ())
    if inventories != list(constants.DEFAULT_HOST_LIST):
        words += [word for each in inventories for word in ("-i", nearest(each, directory))]
    words.append(f"{COLLECTION}.doctor" if by_name else nearest(str(DOCTOR), directory))
    same = " with the same -e" if options.get("extra_vars") else ""
    return f"{shlex.join(words)}{same}"


def nearest(path: str, directory: Path) -> str:
    """Return a path below a directory relative to it, and any other as it is."""
    return os.path.relpath(path, directory) if Path(path).is_relative_to(directory) else path


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
            if stats.failures or stats.dark:
                command = doctor_command(context.CLIARGS, Path.cwd())
                self._display.display(f"\nWhat is not well, and what to do about it: {command}")
