"""Start and stop background processes of this machine, known by their pid files.

A pid file is JSON: the pid, the process's start time (so that a recycled pid is not taken for
ours) and a digest of the command, so that a changed command restarts the process.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.1


class ProcessError(Exception):
    """A process that cannot be started or stopped; the message is meant for the user."""


@dataclass(frozen=True)
class Process:
    """One background process: its command, the loopback ports it takes, and how it is asked."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    ready_url: str | None = None
    timeout: int = 30

    @property
    def digest(self) -> str:
        """Identify the command, its environment and the content of the files that it reads."""
        digest = hashlib.sha256(json.dumps([self.argv, self.env]).encode())
        for file in self.files:
            digest.update(Path(file).read_bytes() if Path(file).exists() else b"")
        return digest.hexdigest()

    def is_ready(self) -> bool:
        """Tell whether its URL answers; a process without one is ready when it runs."""
        return self.ready_url is None or answers(self.ready_url)


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
        """Start what is not running as asked, in order; return the names that were started.

        Raises:
            ProcessError: a port is taken, or a process does not answer within its time-out.
        """
        stale = [process for process in processes if not self._is_running_as_asked(process)]
        for process in stale:
            self._refuse_taken_ports(process)
        if not check_mode:
            for process in stale:
                self.stop(process.name)
                self._launch(process)
        return [process.name for process in stale]

    def stop_all(self, *, check_mode: bool) -> list[str]:
        """Stop every process of the run directory, the youngest first; return their names."""
        files = sorted(
            self.run_directory.glob("*.pid"), key=lambda file: file.stat().st_mtime, reverse=True
        )
        names = [file.stem for file in files]
        if not check_mode:
            for name in names:
                self.stop(name)
        return names

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

    def _ended(self, name: str, pid: int, seconds: float) -> bool:
        deadline = self._clock() + seconds
        while self._clock() < deadline:
            if self._running_pid(name) != pid:
                return True
            self._sleep(POLL_SECONDS)
        return False

    def _pid_file(self, name: str) -> Path:
        return self.run_directory / f"{name}.pid"

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

    def _is_running_as_asked(self, process: Process) -> bool:
        return (
            self._running_pid(process.name) is not None
            and self._record(process.name).get("digest") == process.digest
            and process.is_ready()
        )

    def _refuse_taken_ports(self, process: Process) -> None:
        if self._running_pid(process.name) is not None:
            return  # The ports are its own; it is about to be restarted.
        for purpose, port in process.ports.items():
            if not port_is_free(port):
                raise ProcessError(
                    f"port {port} on 127.0.0.1, wanted for {purpose} of {process.name}, is in use "
                    "by another program: stop that program, or choose other ports with "
                    "local_stack_port_offset"
                )

    def _launch(self, process: Process) -> None:
        self.run_directory.mkdir(parents=True, exist_ok=True)
        self.log_directory.mkdir(parents=True, exist_ok=True)
        log = self.log_directory / f"{process.name}.log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                process.argv,
                env=os.environ | process.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the playbook does not reach it.
                cwd="/",
            )
        record = {
            "pid": child.pid,
            "start_time": process_start_time(child.pid),
            "digest": process.digest,
        }
        self._pid_file(process.name).write_text(json.dumps(record), encoding="utf-8")
        self._wait_until_ready(process, child, log)

    def _wait_until_ready(
        self, process: Process, child: subprocess.Popen[bytes], log: Path
    ) -> None:
        deadline = self._clock() + process.timeout
        while child.poll() is None:
            if process.is_ready():
                return
            if self._clock() > deadline:
                self.stop(process.name)
                raise ProcessError(
                    f"{process.name} does not answer at {process.ready_url} within "
                    f"{process.timeout} s; its log is {log}"
                )
            self._sleep(POLL_SECONDS)
        self._pid_file(process.name).unlink(missing_ok=True)
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        raise ProcessError(
            f"{process.name} ended with exit code {child.returncode}; its log is {log}: "
            + " | ".join(tail)
        )


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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(url: str) -> bool:
    """Tell whether a URL answers at all with less than a server error within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
