"""What has become of background processes: real ones, each broken in its own way."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes import Process
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes_info import (
    Finding,
    Observer,
)
from support.odd_server import (
    closed_port,
    odd_server,
    stay_silent,
)

DEADLINE_SECONDS = 10


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    observer = Observer(tmp_path / "run", tmp_path / "logs")
    yield observer
    observer.stop_all(check_mode=False)


@pytest.fixture
def process(observer: Observer) -> Process:
    port = closed_port()
    process = Process(
        name="files",
        argv=[sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        ports={"http": port},
        ready_url=f"http://127.0.0.1:{port}/",
    )
    observer.start([process], check_mode=False)
    return process


def looked(observer: Observer, process: Process, state: str) -> Finding:
    """Look until the process is in a state; the system needs a moment after a signal."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := observer.look(process)).state != state and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found.state == state
    return found


def test_one_that_is_well(observer: Observer, process: Process) -> None:
    found = observer.look(process)
    assert found.state == "running"
    assert found.found == f"process {found.pid} runs and answers at {process.ready_url}"
    assert found.log[-1].endswith('"GET / HTTP/1.1" 200 -')


def test_one_that_was_never_started(observer: Observer) -> None:
    found = observer.look(Process("files", ["files"]))
    assert (found.state, found.pid, found.found) == ("absent", None, "it does not run")
    assert found.log == []


def test_one_whose_port_another_program_has(observer: Observer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = observer.look(Process("files", ["files"], ports={"http": port}))
    assert found.state == "blocked"
    assert found.found.startswith(
        f"it does not run, and ports that it needs are in use: {port} (http of files) by process "
        f"{os.getpid()} ("
    )


def test_one_that_was_killed(observer: Observer, process: Process) -> None:
    pid = observer.look(process).pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    found = looked(observer, process, "ended")
    assert found.found == f"its process {pid} has ended, though nobody stopped it"
    assert found.log


def test_one_that_is_halted(observer: Observer, process: Process) -> None:
    pid = observer.look(process).pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    found = looked(observer, process, "halted")
    assert found.found == f"process {pid} is halted: it was sent SIGSTOP, or Ctrl-Z"
    os.kill(pid, signal.SIGCONT)
    looked(observer, process, "running")


def test_one_that_is_silent(observer: Observer, process: Process) -> None:
    with odd_server(stay_silent) as port:
        moved = dataclasses.replace(process, ready_url=f"http://127.0.0.1:{port}/")
        found = observer.look(moved)
    assert found.state == "silent"
    assert found.found == (
        f"process {found.pid} runs, but http://127.0.0.1:{port}/ does not: "
        f"port {port} of 127.0.0.1 is open; GET /: nothing came within 2 s"
    )


def test_one_of_another_checkout(observer: Observer, process: Process) -> None:
    found = observer.look(dataclasses.replace(process, env={"A": "b"}))
    assert found.state == "other"
    assert found.found == (f"process {found.pid} answers, but was started with another environment")


def test_looking_changes_nothing(observer: Observer, process: Process) -> None:
    before = {file: file.stat().st_mtime_ns for file in observer.run_directory.iterdir()}
    observer.look(dataclasses.replace(process, env={"A": "b"}))
    assert {file: file.stat().st_mtime_ns for file in observer.run_directory.iterdir()} == before
