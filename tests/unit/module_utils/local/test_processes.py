"""Background processes: started once, found again, refused when their port is taken."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local import (
    processes as local_processes,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.ports import marked
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes import (
    Process,
    ProcessError,
    Supervisor,
    answers,
    port_is_free,
    probe,
    process_start_time,
)
from support.full_disk import largest_file
from support.playbook_run import DEAD_PROXY

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


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Supervisor]:
    """The local stack of another checkout."""
    theirs = Supervisor(tmp_path / "their run", tmp_path / "their logs")
    yield theirs
    theirs.stop_all(check_mode=False)


def pid_of(supervisor: Supervisor, name: str) -> int:
    record = json.loads((supervisor.run_directory / f"{name}.pid").read_text())
    return int(record["pid"])


def test_a_running_process_is_used_again(supervisor: Supervisor) -> None:
    process = server()
    assert supervisor.start([process], check_mode=False) == ["files"]
    pid = pid_of(supervisor, "files")
    assert supervisor.start([process], check_mode=False) == []
    assert pid_of(supervisor, "files") == pid


def test_a_changed_command_replaces_the_process(supervisor: Supervisor) -> None:
    supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
    pid = pid_of(supervisor, "sleeper")
    changed = Process("sleeper", SLEEPER, env={"A": "b"})
    assert supervisor.start([changed], check_mode=False) == ["sleeper"]
    assert process_start_time(pid) is None


def test_a_changed_file_replaces_the_process(supervisor: Supervisor, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    process = Process("sleeper", SLEEPER, files=[str(settings)])
    for content in ("one", "two"):
        settings.write_text(content)
        assert supervisor.start([process], check_mode=False) == ["sleeper"]
        assert supervisor.start([process], check_mode=False) == []


def test_a_process_has_its_own_ports_when_it_is_replaced(supervisor: Supervisor) -> None:
    process = server()
    supervisor.start([process], check_mode=False)
    changed = replace(process, env={"A": "b"})
    assert supervisor.start([changed], check_mode=False) == ["files"]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A package with a module and a compiled one."""
    folder = tmp_path / "package"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "module.py").write_text("one")
    return folder


@pytest.fixture
def account(code: Path) -> Process:
    """A process whose end would be a loss."""
    return Process("account", SLEEPER, files=[str(code)], holds="the account")


def change_nothing(process: Process, code: Path) -> Process:
    (code / "__pycache__" / "module.pyc").write_text("compiled")
    return process


def change_the_command(process: Process, code: Path) -> Process:
    return replace(process, argv=[*process.argv, "--fast"])


def change_the_environment(process: Process, code: Path) -> Process:
    return replace(process, env={"A": "b"})


def change_the_code(process: Process, code: Path) -> Process:
    (code / "module.py").write_text("two")
    return process


def add_code(process: Process, code: Path) -> Process:
    (code / "more.py").touch()
    return process


def test_compiled_files_are_no_change(supervisor: Supervisor, account: Process, code: Path) -> None:
    supervisor.start([account], check_mode=False)
    assert supervisor.start([change_nothing(account, code)], check_mode=False) == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (change_the_command, "nothing in place of --fast in its command"),
        (change_the_environment, "another environment"),
        (change_the_code, "other content of /"),
        (add_code, "/package. Nothing was changed"),
    ],
)
def test_what_holds_something_is_not_replaced(
    supervisor: Supervisor,
    account: Process,
    code: Path,
    change: Callable[[Process, Path], Process],
    named: str,
    check_mode: bool,
) -> None:
    supervisor.start([account], check_mode=False)
    pid = pid_of(supervisor, "account")
    with pytest.raises(ProcessError) as refusal:
        supervisor.start([server("other"), change(account, code)], check_mode=check_mode)
    assert str(refusal.value).startswith(f"account (process {pid}) runs, but was started with")
    assert named in str(refusal.value)
    assert "as the account would be lost" in str(refusal.value)
    assert "playbooks/local_down.yml" in str(refusal.value)
    assert process_start_time(pid) is not None
    assert not (supervisor.run_directory / "other.pid").exists()


def test_what_an_earlier_version_started_is_not_replaced(
    supervisor: Supervisor, account: Process
) -> None:
    supervisor.start([account], check_mode=False)
    file = supervisor.run_directory / "account.pid"
    record = json.loads(file.read_text())
    del record["origin"]
    file.write_text(json.dumps(record | {"digest": "0" * 64}))
    with pytest.raises(ProcessError, match="an earlier version of this collection"):
        supervisor.start([account], check_mode=False)
    assert process_start_time(record["pid"]) is not None


def test_what_holds_something_and_has_ended_is_started_again(
    supervisor: Supervisor, account: Process, code: Path
) -> None:
    supervisor.start([account], check_mode=False)
    supervisor.stop("account")
    assert supervisor.start([change_the_code(account, code)], check_mode=False) == ["account"]


def test_stop_leaves_no_process_and_no_pid_file(supervisor: Supervisor) -> None:
    process = server()
    supervisor.start([process], check_mode=False)
    pid = pid_of(supervisor, "files")
    assert supervisor.stop_all(check_mode=False) == ["files"]
    assert process_start_time(pid) is None
    assert port_is_free(process.ports["http"])
    assert supervisor.stop_all(check_mode=False) == []


def test_a_process_whose_pid_file_is_gone_is_stopped(supervisor: Supervisor) -> None:
    supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
    [file] = supervisor.run_directory.glob("*.pid")
    pid = json.loads(file.read_text())["pid"]
    file.unlink()
    deadline = time.monotonic() + 10
    # A process that has just become another program shows no environment for a moment.
    while not list(marked(str(supervisor.run_directory))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert supervisor.stop_all(check_mode=True) == [f"process {pid}"]
    assert process_start_time(pid)
    assert supervisor.stop_all(check_mode=False) == [f"process {pid}"]
    assert process_start_time(pid) is None
    assert supervisor.stop_all(check_mode=False) == []


def test_check_mode_starts_and_stops_nothing(supervisor: Supervisor) -> None:
    process = server()
    assert supervisor.start([process], check_mode=True) == ["files"]
    assert not supervisor.run_directory.exists()
    supervisor.start([process], check_mode=False)
    assert supervisor.stop_all(check_mode=True) == ["files"]
    assert process_start_time(pid_of(supervisor, "files")) is not None


def test_all_taken_ports_are_refused_before_anything_starts(
    supervisor: Supervisor, theirs: Supervisor
) -> None:
    files = server()
    theirs.start([files], check_mode=False)
    with socket.create_server(("", 0)) as mine:
        port = mine.getsockname()[1]
        wanted = [server("a"), server("b", port), server("c", files.ports["http"])]
        with pytest.raises(ProcessError) as refusal:
            supervisor.start(wanted, check_mode=False)
    message = str(refusal.value)
    assert f"{port} (http of b) by process {os.getpid()} ({sys.executable} " in message
    pid, folder = pid_of(theirs, "files"), theirs.run_directory
    assert (
        f"{files.ports['http']} (http of c) by the local stack whose pid files are in {folder} "
        f"(processes {pid}), which the playbooks/local_down.yml of its own checkout stops"
    ) in message
    assert "choose other ports with local_stack_port_offset" in message
    assert not supervisor.run_directory.exists()


def test_a_process_of_ours_whose_pid_file_is_gone_is_named(supervisor: Supervisor) -> None:
    process = server()
    supervisor.start([process], check_mode=False)
    file = supervisor.run_directory / "files.pid"
    record, pid = file.read_text(), pid_of(supervisor, "files")
    file.unlink()
    with pytest.raises(ProcessError, match=f"whose pid files are gone .processes {pid}., which"):
        supervisor.start([process], check_mode=False)
    file.write_text(record)


def test_what_an_earlier_version_started_under_another_name_is_refused_and_stopped(
    supervisor: Supervisor,
) -> None:
    before = server("cluster_agent")
    supervisor.start([before], check_mode=False)
    pid = pid_of(supervisor, "cluster_agent")
    with pytest.raises(ProcessError) as refusal:
        supervisor.start([server("node_agent", before.ports["http"])], check_mode=False)
    assert (
        f"{before.ports['http']} (http of node_agent) by this local stack itself, whose pid files "
        f"are an earlier version's (cluster_agent) (processes {pid}), which "
        "playbooks/local_down.yml stops"
    ) in str(refusal.value)
    assert supervisor.stop_all(check_mode=False) == ["cluster_agent"]
    assert process_start_time(pid) is None


def test_two_stacks_run_side_by_side(supervisor: Supervisor, theirs: Supervisor) -> None:
    processes = [server(), server()]
    for each, process in zip((supervisor, theirs), processes, strict=True):
        assert each.start([process], check_mode=False) == ["files"]
    theirs.stop_all(check_mode=False)
    assert answers(str(processes[0].ready_url))
    assert not answers(str(processes[1].ready_url))


def test_a_process_that_ends_at_once_is_reported_with_its_last_words(
    supervisor: Supervisor,
) -> None:
    broken = Process("broken", [sys.executable, "-c", "raise SystemExit('no model')"])
    broken = Process(broken.name, broken.argv, ready_url=f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(ProcessError, match=r"broken ended with exit code 1.*no model"):
        supervisor.start([broken], check_mode=False)


class Clock:
    """Time that goes by only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("holds", "loss"), [(None, ""), ("the account", ", and the account is lost with it")]
)
def test_a_process_that_does_not_answer_is_left_running(
    supervisor: Supervisor, holds: str | None, loss: str
) -> None:
    clock = Clock()
    patient = Supervisor(supervisor.run_directory, supervisor.log_directory, clock, clock.sleep)
    url = f"http://127.0.0.1:{free_port()}/"
    silent = Process("silent", SLEEPER, holds=holds, ready_url=url, timeout=7)
    pids = set()
    for begun in (0.0, clock.now):  # When it is started, and when it is found again.
        clock.now = begun
        with pytest.raises(ProcessError) as refusal:
            patient.start([silent], check_mode=False)
        assert 7 < clock.now - begun < 8
        pid = pid_of(supervisor, "silent")
        pids.add(pid)
        assert str(refusal.value) == (
            f"silent (process {pid}) runs, but {url} does not answer within 7 s: Connection "
            f"refused. It was left running. Its log is {supervisor.log_directory}/silent.log; "
            f"playbooks/local_down.yml stops it{loss}"
        )
    assert len(pids) == 1
    assert process_start_time(pids.pop()) is not None


def test_a_process_that_answers_late_is_waited_for(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_processes, "PROBE_SECONDS", 0.1)
    process = server()
    supervisor.start([process], check_mode=False)
    pid = pid_of(supervisor, "files")
    os.kill(pid, signal.SIGSTOP)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        os.kill(pid, signal.SIGCONT)

    patient = Supervisor(supervisor.run_directory, supervisor.log_directory, sleep=sleep)
    assert patient.start([process], check_mode=False) == []
    assert pid_of(supervisor, "files") == pid
    assert waits


def test_a_process_that_ends_while_it_is_waited_for_is_reported(supervisor: Supervisor) -> None:
    silent = Process("silent", SLEEPER, ready_url=f"http://127.0.0.1:{free_port()}/", timeout=0)
    with pytest.raises(ProcessError, match="does not answer"):
        supervisor.start([silent], check_mode=False)
    pid = pid_of(supervisor, "silent")

    def kill(_: float) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    patient = Supervisor(supervisor.run_directory, supervisor.log_directory, sleep=kill)
    with pytest.raises(ProcessError, match=r"silent ended; its log is .*silent\.log"):
        patient.start([replace(silent, timeout=30)], check_mode=False)


def test_loopback_is_asked_directly_whatever_the_proxy(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in DEAD_PROXY.items():
        monkeypatch.setenv(name, value)
    process = server()
    assert supervisor.start([process], check_mode=False) == ["files"]
    assert supervisor.start([process], check_mode=False) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.0 204 No Content\r\n\r\n", None),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", None),
        (b"HTTP/1.0 503 Busy\r\n\r\n", "it answers with HTTP status 503"),
        (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine('SSH-2.0-OpenSSH\\r\\n')"),
        (b"", "RemoteDisconnected('Remote end closed connection without response')"),
    ],
)
def test_a_probe_says_what_it_got(answer: bytes, problem: str | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=answer_once, args=(listener, answer))
        server.start()
        found = probe(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        server.join()
    assert found == problem


def answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(answer)


def test_a_probe_says_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_processes, "PROBE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = probe(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert found == "no answer to a request after 0.05 s"


def test_the_youngest_ends_first_whatever_the_times_of_the_files(supervisor: Supervisor) -> None:
    supervisor.start([Process(name, SLEEPER) for name in ("api", "agent")], check_mode=False)
    files = {name: supervisor.run_directory / f"{name}.pid" for name in ("api", "agent")}
    ticks = {name: json.loads(file.read_text())["start_time"] for name, file in files.items()}
    os.utime(files["agent"], (0, 0))  # The clock has been set back in between.
    assert ticks["api"] <= ticks["agent"]
    assert supervisor.stop_all(check_mode=True) == ["agent", "api"]


def test_a_recycled_pid_is_not_ours(supervisor: Supervisor) -> None:
    supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
    file = supervisor.run_directory / "sleeper.pid"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"start_time": record["start_time"] - 1}))
    supervisor.stop("sleeper")
    assert process_start_time(record["pid"]) is not None
    file.write_text(json.dumps(record))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_is_recorded_before_an_interrupt_is_heeded(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    start = subprocess.Popen

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        child = start(*arguments, **options)
        signal.raise_signal(number)
        return child

    def ended(received: int, _: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, ended)
    try:
        monkeypatch.setattr(local_processes.subprocess, "Popen", interrupted)
        with pytest.raises(KeyboardInterrupt):
            supervisor.start([Process("sleeper", SLEEPER)], check_mode=False)
        assert signal.getsignal(number) == ended
    finally:
        signal.signal(number, before)
    pid = pid_of(supervisor, "sleeper")
    assert process_start_time(pid) is not None
    assert supervisor.stop_all(check_mode=False) == ["sleeper"]
    assert process_start_time(pid) is None


def test_a_full_disk_leaves_no_process_behind(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def noted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        children.append(start(*arguments, **options))
        return children[-1]

    monkeypatch.setattr(local_processes.subprocess, "Popen", noted)
    sleeper = Process("sleeper", SLEEPER)
    with largest_file(10), pytest.raises(ProcessError) as caught:
        supervisor.start([sleeper], check_mode=False)
    assert str(caught.value) == (
        f"sleeper cannot be started with its log in {supervisor.log_directory} and its pid file in "
        f"{supervisor.run_directory}: [Errno 27] File too large"
    )
    assert [child.poll() for child in children] == [-signal.SIGKILL]
    assert list(supervisor.run_directory.iterdir()) == []
    assert supervisor.start([sleeper], check_mode=False) == ["sleeper"]
