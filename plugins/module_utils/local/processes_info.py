"""Look at background processes of this machine, and change nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ..reachability import Way
from .processes import (
    Process,
    Supervisor,
    differences,
)

LOG_LINES = 5
READY_BELOW = 500
"""A process whose URL answers with less is ready."""


@dataclass(frozen=True)
class Finding:
    """What was found of one process."""

    name: str
    state: str
    """running, silent, other (than would be started), halted, ended, absent or blocked."""
    pid: int | None
    found: str
    log_file: str
    log: list[str]


class Observer(Supervisor):
    """Looks at the processes whose pid files are in one directory."""

    def look(self, process: Process) -> Finding:
        """Tell whether a process is there, is what would be started now, and answers."""
        state, found = self._found(process)
        log = self._log(process.name)
        pid = self._running_pid(process.name)
        return Finding(process.name, state, pid, found, str(log), last_lines(log))

    def _found(self, process: Process) -> tuple[str, str]:
        record, pid = self._record(process.name), self._running_pid(process.name)
        if pid is None and (taken := self._taken_ports([process])):
            return "blocked", f"it does not run, and ports that it needs are in use: {taken}"
        if not record:
            return "absent", "it does not run"
        if pid is None:
            return "ended", f"its process {record['pid']} has ended, though nobody stopped it"
        if is_halted(pid):
            return "halted", f"process {pid} is halted: it was sent SIGSTOP, or Ctrl-Z"
        silence = silence_of(process)
        if silence:
            return "silent", f"process {pid} runs, but {process.ready_url} does not: {silence}"
        if record.get("origin") != process.origin:
            now = differences(record.get("origin"), process.origin)
            return "other", f"process {pid} answers, but was started with {now}"
        where = f" and answers at {process.ready_url}" if process.ready_url else ""
        return "running", f"process {pid} runs{where}"


def silence_of(process: Process) -> str:
    """Say how the way to a process ends; nothing where it answers."""
    if process.ready_url is None:
        return ""
    steps = Way.of(process.ready_url, READY_BELOW).steps()
    return "" if steps[-1].ok else "; ".join(step.found for step in steps)


def is_halted(pid: int) -> bool:
    """Tell whether a process was stopped by a signal, to be continued by another."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


def last_lines(log: Path) -> list[str]:
    """Return the end of a log, without blank lines; nothing where there is none."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            return list(deque(filter(None, map(str.rstrip, file)), maxlen=LOG_LINES))
    except FileNotFoundError:
        return []
