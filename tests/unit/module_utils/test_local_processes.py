"""Background processes: started once, found again, refused when their port is taken."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local_processes import (
    Process,
    ProcessError,
    Supervisor,
    port_is_free,
    process_start_time,
)

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server(name: str = "files", port: int | None = None) -> Process:
    port = port or free_port()
    return Process(
        name=name,
        argv=[sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        ports={"http": port},
        ready_url=f"http://127.0.0.1:{port}/",
    )


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "run", tmp_path / "logs")
    yield supervisor
    supervisor.stop_all(check_mode=False)


def pid_of(supervisor: Supervisor, name: str) -> int:
    record = json.loads((supervisor.run_directory / f"{name}.pid").read_text())
    return int(record["pid"])


def test_a_running_process_is_used_again(supervisor: Supervisor) -> None:
    process = server()
    assert supervisor.start([process], check_mode=False) == ["files"]
    pid = pid_of(supervisor, "files")
    assert supervisor.start([process], check_mode=False) == []
    assert pid_of(supervisor, "files") == pid


def test_a_changed_command_restarts_the_process(supervisor: Supervisor) -> None:
    supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
    pid = pid_of(supervisor, "sleeper")
    changed = Process("sleeper", SLEEPER, env={"A": "b"})
    assert supervisor.start([changed], check_mode=False) == ["sleeper"]
    assert process_start_time(pid) is None


def test_a_changed_file_restarts_the_process(supervisor: Supervisor, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    process = Process("sleeper", SLEEPER, files=[str(settings)])
    for content in ("one", "two"):
        settings.write_text(content)
        assert supervisor.start([process], check_mode=False) == ["sleeper"]
        assert supervisor.start([process], check_mode=False) == []


def test_stop_leaves_no_process_and_no_pid_file(supervisor: Supervisor) -> None:
    process = server()
    supervisor.start([process], check_mode=False)
    pid = pid_of(supervisor, "files")
    assert supervisor.stop_all(check_mode=False) == ["files"]
    assert process_start_time(pid) is None
    assert port_is_free(process.ports["http"])
    assert supervisor.stop_all(check_mode=False) == []


def test_check_mode_starts_and_stops_nothing(supervisor: Supervisor) -> None:
    process = server()
    assert supervisor.start([process], check_mode=True) == ["files"]
    assert not supervisor.run_directory.exists()
    supervisor.start([process], check_mode=False)
    assert supervisor.stop_all(check_mode=True) == ["files"]
    assert process_start_time(pid_of(supervisor, "files")) is not None


def test_a_taken_port_is_refused_before_anything_starts(supervisor: Supervisor) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ProcessError, match=rf"port {port} on 127.0.0.1, wanted for http of b"):
            supervisor.start([server("a"), server("b", port)], check_mode=False)
    assert not supervisor.run_directory.exists()


def test_a_process_that_ends_at_once_is_reported_with_its_last_words(
    supervisor: Supervisor,
) -> None:
    broken = Process("broken", [sys.executable, "-c", "raise SystemExit('no model')"])
    broken = Process(broken.name, broken.argv, ready_url=f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(ProcessError, match=r"broken ended with exit code 1.*no model"):
        supervisor.start([broken], check_mode=False)


def test_a_process_that_never_answers_is_stopped(supervisor: Supervisor) -> None:
    silent = Process("silent", SLEEPER, ready_url=f"http://127.0.0.1:{free_port()}/", timeout=0)
    with pytest.raises(ProcessError, match=r"silent does not answer at .* within 0 s"):
        supervisor.start([silent], check_mode=False)
    assert list(supervisor.run_directory.glob("*.pid")) == []


def test_a_recycled_pid_is_not_ours(supervisor: Supervisor) -> None:
    supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
    file = supervisor.run_directory / "sleeper.pid"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"start_time": record["start_time"] - 1}))
    supervisor.stop("sleeper")
    assert process_start_time(record["pid"]) is not None
    file.write_text(json.dumps(record))
