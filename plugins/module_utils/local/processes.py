"""Start and stop background processes of this machine, known by their pid files.

A pid file is JSON: the pid, the process's start time (so that a recycled pid is not taken for
ours) and what it was started from, so that another command or other code is noticed.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .ports import (
    MARK,
    Owner,
    marked,
    owners,
)

POLL_SECONDS = 0.1
PROBE_SECONDS = 2

# Loopback is asked directly, whatever http_proxy and its like say.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


OPTIONS: dict[str, Any] = {
    "run_directory": {"type": "path", "required": True},
    "log_directory": {"type": "path", "required": True},
    "processes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str", "required": True},
            "env": {"type": "dict", "default": {}},
            "ports": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "path", "default": []},
            "holds": {"type": "str"},
            "ready_url": {"type": "str"},
            "timeout": {"type": "int", "default": 30},
        },
    },
}
"""The options of every module for processes; the fragment `local_processes` documents them."""


class ProcessError(Exception):
    """A process that cannot be started or stopped; the message is meant for the user."""


@dataclass(frozen=True)
class Process:
    """One background process: its command, the loopback ports it takes, and how it is asked.

    ``files`` are files and folders that it reads when it starts, its code among them. ``holds``
    names what is in its memory only: a process with it is never replaced, as that would be lost.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    holds: str | None = None
    ready_url: str | None = None
    timeout: int = 30

    @property
    def origin(self) -> dict[str, Any]:
        """What it is started from: its command, and digests of its environment and its files."""
        environment = hashlib.sha256(json.dumps(self.env, sort_keys=True).encode()).hexdigest()
        files = {file: digest(Path(file)) for file in self.files}
        return {"command": self.argv, "environment": environment, **files}

    def problem(self) -> str | None:
        """Say why its URL does not answer, or None if it does."""
        return None if self.ready_url is None else probe(self.ready_url)


class Supervisor:
    """Starts, re-uses and stops the processes whose pid files are in one directory."""

    def __init__(
        self,
        run_directory: Path,
        log_directory: Path,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep pid files in ``run_directory`` and write output to ``log_directory``."""
        self.run_directory = run_directory
        self.log_directory = log_directory
        self._clock = clock
        self._sleep = sleep

    def start(self, processes: list[Process], *, check_mode: bool) -> list[str]:
        """Start what does not run as asked, in order; return the names that were started.

        A running process is never stopped because it does not answer, and one that holds something
        is never stopped at all.

        Raises:
            ProcessError: a process that holds something was started from something else, a port is
                taken, or a process does not answer within its time-out.
        """
        stale = [process.name for process in processes if not self._runs_as_asked(process)]
        to_start = [process for process in processes if process.name in stale]
        self._refuse_losses(to_start)
        self._refuse_taken_ports(to_start)
        for process in processes:
            child = None
            if process.name in stale:
                if check_mode:
                    continue
                self.stop(process.name)
                child = self._launch(process)
            self._wait_until_ready(process, child)
        return stale

    def stop_all(self, *, check_mode: bool) -> list[str]:
        """Stop every process of the run directory, the youngest first; return their names."""
        names = sorted(
            self._recorded_names(),
            # Seconds since boot; the times of files follow a clock that may have been set.
            key=lambda name: self._record(name).get("start_time") or 0,
            reverse=True,
        )
        recorded = {self._running_pid(name) for name in names}
        orphans = set(marked(str(self.run_directory))) - recorded
        if not check_mode:
            for name in names:
                self.stop(name)
            self._end_orphans(set(orphans))
        return names + [f"process {pid}" for pid in sorted(orphans)]

    def stop(self, name: str, grace: float = 20) -> None:
        """Ask a process to end, and end it when ``grace`` seconds have passed.

        Raises:
            ProcessError: the process is still there afterwards.
        """
        pid = self._running_pid(name)
        if pid is not None:
            for step, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
                os.kill(pid, step)
                if self._ended(name, pid, seconds):
                    break
            else:
                raise ProcessError(f"{name}: process {pid} does not end")
        self._pid_file(name).unlink(missing_ok=True)

    def _end_orphans(self, pids: set[int], grace: float = 20) -> None:
        """End processes whose pid files are gone, as with ``stop``."""
        for step, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, step)
            deadline = self._clock() + seconds
            while pids and self._clock() < deadline:
                pids &= set(marked(str(self.run_directory)))
                self._sleep(POLL_SECONDS)
        if pids:
            raise ProcessError(f"processes {sorted(pids)} do not end")

    def _ended(self, name: str, pid: int, seconds: float) -> bool:
        deadline = self._clock() + seconds
        while self._clock() < deadline:
            if self._running_pid(name) != pid:
                return True
            self._sleep(POLL_SECONDS)
        return False

    def _recorded_names(self) -> list[str]:
        return [file.stem for file in self.run_directory.glob("*.pid")]

    def _pid_file(self, name: str) -> Path:
        return self.run_directory / f"{name}.pid"

    def _log(self, name: str) -> Path:
        return self.log_directory / f"{name}.log"

    def _record(self, name: str) -> dict[str, Any]:
        try:
            record = json.loads(self._pid_file(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return record if isinstance(record, dict) else {}

    def _running_pid(self, name: str) -> int | None:
        record = self._record(name)
        pid = record.get("pid")
        if pid is not None and process_start_time(pid) == record.get("start_time"):
            return int(pid)
        return None

    def _runs_as_asked(self, process: Process) -> bool:
        running = self._running_pid(process.name) is not None
        return running and self._record(process.name).get("origin") == process.origin

    def _refuse_losses(self, processes: list[Process]) -> None:
        """Refuse to replace what runs and holds something."""
        losses = [
            (process, pid)
            for process in processes
            if process.holds and (pid := self._running_pid(process.name)) is not None
        ]
        if not losses:
            return
        found = [
            f"{process.name} (process {pid}) runs, but was started with "
            + differences(self._record(process.name).get("origin"), process.origin)
            for process, pid in losses
        ]
        raise ProcessError(
            f"{'; '.join(found)}. Nothing was changed, as {held(losses)} would be lost: undo the "
            "difference, or give that up with playbooks/local_down.yml and run this again"
        )

    def _refuse_taken_ports(self, processes: list[Process]) -> None:
        """Refuse ports of others, all at once."""
        if taken := self._taken_ports(processes):
            raise ProcessError(
                f"These ports of 127.0.0.1 are wanted, but in use: {taken}. Nothing was "
                "started: stop those programs, or choose other ports with local_stack_port_offset"
            )

    def _taken_ports(self, processes: list[Process]) -> str:
        """Name the ports of these processes that others have, and whose they are; empty if none."""
        wanted = {
            port: (process.name, purpose)
            for process in processes
            for purpose, port in process.ports.items()
            if not port_is_free(port)
        }
        found = owners(set(wanted)) if wanted else {}
        taken: dict[str, dict[str, Owner]] = {}
        for port, (name, purpose) in wanted.items():
            owner = found.get(port, Owner(None, "a program that /proc does not show"))
            # What is about to be replaced may have its own ports.
            if owner.pid is None or owner.pid != self._running_pid(name):
                of_whom = taken.setdefault(owner.run_directory or owner.description, {})
                of_whom[f"{port} ({purpose} of {name})"] = owner
        return "; ".join(
            f"{', '.join(ports)} by {self._who(*ports.values())}" for ports in taken.values()
        )

    def _who(self, owner: Owner, *others: Owner) -> str:
        """Name a program, or a local stack by its processes, and how to stop it."""
        if owner.run_directory is None:
            return owner.description
        pids = " ".join(sorted({str(each.pid) for each in (owner, *others)}))
        if owner.run_directory == str(self.run_directory):
            recorded = {self._running_pid(name): name for name in self._recorded_names()}
            names = sorted({recorded.get(each.pid, "") for each in (owner, *others)} - {""})
            known = f"are an earlier version's ({', '.join(names)})" if names else "are gone"
            return (
                f"this local stack itself, whose pid files {known} (processes {pids}), which "
                "playbooks/local_down.yml stops"
            )
        return (
            f"the local stack whose pid files are in {owner.run_directory} (processes {pids}), "
            "which the playbooks/local_down.yml of its own checkout stops"
        )

    def _launch(self, process: Process) -> subprocess.Popen[bytes]:
        """Start a process and record it; one that is not recorded does not stay, come what may."""
        try:
            self.run_directory.mkdir(parents=True, exist_ok=True)
            self.log_directory.mkdir(parents=True, exist_ok=True)
            with self._log(process.name).open("ab") as output, signals_held_back():
                child = subprocess.Popen(
                    process.argv,
                    env=os.environ | process.env | {MARK: str(self.run_directory)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C in the playbook does not reach it.
                    cwd="/",
                )
                try:
                    self._write_record(process, child.pid)
                except OSError:
                    child.kill()
                    child.wait()
                    raise
        except OSError as error:
            raise ProcessError(
                f"{process.name} cannot be started with its log in {self.log_directory} and its "
                f"pid file in {self.run_directory}: {error}"
            ) from error
        return child

    def _write_record(self, process: Process, pid: int) -> None:
        record = {"pid": pid, "start_time": process_start_time(pid), "origin": process.origin}
        fresh = self.run_directory / f".{process.name}.new"
        try:
            fresh.write_text(json.dumps(record), encoding="utf-8")
            fresh.replace(self._pid_file(process.name))
        finally:
            fresh.unlink(missing_ok=True)

    def _wait_until_ready(self, process: Process, child: subprocess.Popen[bytes] | None) -> None:
        """Wait until a process answers; ``child`` is the process if it was started just now."""
        deadline = self._clock() + process.timeout
        while child.poll() is None if child else self._running_pid(process.name) is not None:
            problem = process.problem()
            if problem is None:
                return
            if self._clock() > deadline:
                raise self._silence(process, problem)
            self._sleep(POLL_SECONDS)
        raise self._end(process, child)

    def _end(self, process: Process, child: subprocess.Popen[bytes] | None) -> ProcessError:
        code = ""
        if child:
            self._pid_file(process.name).unlink(missing_ok=True)
            code = f" with exit code {child.returncode}"
        log = self._log(process.name)
        lines = (
            log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        )
        tail = " | ".join(lines[-5:])
        return ProcessError(f"{process.name} ended{code}; its log is {log}: {tail}")

    def _silence(self, process: Process, problem: str) -> ProcessError:
        loss = f", and {process.holds} is lost with it" if process.holds else ""
        return ProcessError(
            f"{process.name} (process {self._running_pid(process.name)}) runs, but "
            f"{process.ready_url} does not answer within {process.timeout} s: {problem}. It was "
            f"left running. Its log is {self._log(process.name)}; playbooks/local_down.yml stops "
            f"it{loss}"
        )


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Heed Ctrl-C and its like only at the end of the block.

    Handlers hold them back, not a mask: a process that is started meanwhile would keep the mask.
    """
    arrived: list[int] = []
    handlers = {
        number: signal.signal(number, lambda received, _: arrived.append(received))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for received in arrived:
            signal.raise_signal(received)


def held(losses: list[tuple[Process, int]]) -> str:
    """Name what processes hold."""
    return " and ".join(str(process.holds) for process, _ in losses)


def differences(before: dict[str, Any] | None, now: dict[str, Any]) -> str:
    """Name what a process was started with where it would be something else now."""
    if before is None:
        return "an earlier version of this collection"
    found = []
    for part in before | now:
        if before.get(part) == now.get(part):
            continue
        if part == "command":
            gone = " ".join(word for word in before[part] if word not in now[part])
            come = " ".join(word for word in now[part] if word not in before[part])
            found.append(f"{gone or 'nothing'} in place of {come or 'nothing'} in its command")
        else:
            found.append(
                "another environment" if part == "environment" else f"other content of {part}"
            )
    return ", ".join(found)


def digest(path: Path) -> str:
    """Identify the content of a file, or of all files of a folder but compiled ones."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.parent.name != "__pycache__")
        content = [(str(file), digest(file)) for file in files if file.is_file()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def process_start_time(pid: int) -> int | None:
    """Return a live process's start time in clock ticks since boot, or None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    threads, start_time = int(fields[16]), int(fields[18])
    # The first thread can be a zombie while others still end and hold the sockets open.
    return None if state == "Z" and threads <= 1 else start_time


def port_is_free(port: int) -> bool:
    """Tell whether a server can listen on a port of 127.0.0.1."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(url: str) -> bool:
    """Tell whether a URL answers at all with less than a server error within two seconds."""
    return probe(url) is None


def probe(url: str) -> str | None:
    """Say why a URL does not answer with less than a server error, or None if it does."""
    try:
        with DIRECTLY.open(url, timeout=PROBE_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return None if error.code < 500 else f"it answers with HTTP status {error.code}"
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return f"no answer to a request after {PROBE_SECONDS} s"
        return getattr(reason, "strerror", None) or repr(reason)
