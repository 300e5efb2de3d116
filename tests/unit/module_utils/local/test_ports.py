"""Who has a port, read from a /proc that a test wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.ports import (
    LONGEST_COMMAND,
    MARK,
    Owner,
    owners,
)

LOOPBACK, ANY, OTHER = "0100007F", "00000000", "020200C0"
MAPPED, ANY_6 = f"0000000000000000FFFF0000{LOOPBACK}", "0" * 32
LISTEN, TIME_WAIT = "0A", "06"


class Machine:
    """A folder in the place of /proc."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        (proc / "self" / "net").mkdir(parents=True)
        self.listen("tcp", OTHER, 1, inode=1)

    def listen(
        self,
        table: str,
        address: str,
        port: int,
        inode: int,
        state: str = LISTEN,
        uid: int | None = None,
    ) -> None:
        """Put a socket into the kernel's table."""
        file = self.proc / "self" / "net" / table
        if not file.exists():
            file.write_text("  sl  local_address rem_address   st tx_queue ...\n")
        uid = os.getuid() if uid is None else uid
        with file.open("a") as lines:
            lines.write(
                f" 0: {address}:{port:04X} {ANY}:0000 {state} 00000000:00000000 00:00000000 0"
                f" {uid} 0 {inode} 1 0000000000000000 100 0 0 10 0\n"
            )

    def process(self, pid: int, inode: int, *command: str, **environment: str) -> None:
        """Put a process with a socket there."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fd" / "0").symlink_to("/dev/null")
        (folder / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (folder / "cmdline").write_bytes("".join(f"{word}\0" for word in command).encode())
        pairs = "".join(f"{name}={value}\0" for name, value in environment.items())
        (folder / "environ").write_bytes(pairs.encode())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("table", "address"),
    [("tcp", LOOPBACK), ("tcp", ANY), ("tcp6", ANY_6), ("tcp6", MAPPED)],
)
def test_a_process_is_named_by_pid_and_command(machine: Machine, table: str, address: str) -> None:
    machine.listen(table, address, 8000, inode=7)
    machine.process(41, 8, "elsewhere")
    machine.process(42, 7, "python", "-m", "http.server")
    machine.process(43, 7, "its", "child")
    assert owners({8000, 8001}, machine.proc) == {
        8000: Owner(42, "process 42 (python -m http.server)")
    }


def test_a_process_of_a_local_stack_tells_which(machine: Machine) -> None:
    machine.listen("tcp", LOOPBACK, 8000, inode=7)
    machine.process(42, 7, "python", HOME="/", **{MARK: "/older/.local/run"})
    assert owners({8000}, machine.proc)[8000].run_directory == "/older/.local/run"


def test_a_long_command_is_cut(machine: Machine) -> None:
    machine.listen("tcp", LOOPBACK, 8000, inode=7)
    machine.process(42, 7, "x" * 1000)
    assert owners({8000}, machine.proc)[8000].description == (
        f"process 42 ({'x' * LONGEST_COMMAND}...)"
    )


@pytest.mark.parametrize(("uid", "user"), [(0, "root"), (123456789, "123456789")])
def test_of_another_users_program_the_user_is_named(machine: Machine, uid: int, user: str) -> None:
    machine.listen("tcp", LOOPBACK, 8000, inode=7, uid=uid)
    assert owners({8000}, machine.proc) == {
        8000: Owner(None, f"a program of the user {user} that only root may look into")
    }


def test_what_does_not_keep_others_from_the_port_is_passed_over(machine: Machine) -> None:
    machine.listen("tcp", OTHER, 8000, inode=7)
    machine.listen("tcp", LOOPBACK, 8000, inode=0, state=TIME_WAIT)
    machine.listen("tcp6", "0" * 24 + "01000000", 8000, inode=9)
    assert owners({8000}, machine.proc) == {}
