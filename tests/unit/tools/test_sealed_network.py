"""A sealed network lets a command work on this machine, and tells of every packet for another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.tools import sealed_network
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT

LOOPBACK = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname(), timeout=5).close()
try:
    socket.socket(socket.AF_INET6).bind(("::1", 0))
except OSError:
    print("no IPv6")
"""


def sealed(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a sealed network, as on CI, where that must not be skipped."""
    program = ROOT / "tools" / "sealed_network.py"
    return subprocess.run(
        [sys.executable, str(program), *command],
        env=os.environ | {"CI": "true"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module", autouse=True)
def sealing() -> None:
    """Need namespaces; on CI a machine without them fails these tests."""
    run = sealed("true")
    if run.returncode and not os.environ.get("CI"):
        pytest.skip(run.stdout)


def test_this_machine_is_reached_without_ipv6() -> None:
    run = sealed(sys.executable, "-c", LOOPBACK)
    assert (run.returncode, run.stdout, run.stderr) == (0, "no IPv6\n", "")


def test_the_exit_status_is_the_commands() -> None:
    assert sealed("sh", "-c", "exit 7").returncode == 7


def test_the_command_does_not_know_of_a_ci() -> None:
    assert not [line for line in sealed("env").stdout.splitlines() if line.startswith("CI=")]


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        (
            "import socket\ns = socket.socket()\ns.settimeout(0.2)\n"
            "try: s.connect(('198.51.100.7', 443))\nexcept OSError: pass",
            "left this machine: tcp 198.51.100.7:443, 1 packets\n",
        ),
        (
            "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\n"
            "s.sendto(b'x', ('198.51.100.7', 9))",
            "left this machine: udp 198.51.100.7:9, 1 packets\n",
        ),
        (
            "import socket\ntry: socket.getaddrinfo('events.example', 80)\nexcept OSError: pass",
            "left this machine: udp 192.0.2.53:53 (asks for events.example), ",
        ),
    ],
    ids=["tcp", "udp", "name"],
)
def test_what_is_meant_for_another_machine_is_told(code: str, caught: str) -> None:
    run = sealed(sys.executable, "-c", code)
    assert run.returncode == 1
    assert run.stderr.startswith(caught)


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_where_nothing_can_be_sealed_ci_fails_and_others_go_on(
    tmp_path: Path, ci: str, status: int
) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho Operation not permitted >&2; exit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    run = sealed("echo", "ran", PATH=f"{tmp_path}:{os.environ['PATH']}", CI=ci)
    assert run.returncode == status
    assert run.stdout.startswith(
        "skipped: no network can be sealed here, so nothing is caught: Operation not permitted\n"
    )
    assert run.stdout.endswith("ran\n") == (ci == "")


def test_a_command_is_needed() -> None:
    assert sealed_network.main([]) == 2
