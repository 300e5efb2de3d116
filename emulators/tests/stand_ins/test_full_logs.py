"""A server of the local stack outlives a log that cannot be written, as on a full disk."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from stand_ins import disk

START_SECONDS = 30
SERVERS = {
    "aws_emulator": "/",
    "kubernetes_emulator": "/readyz",
    "stand_ins.chart_repository": "/index.yaml",
    "stand_ins.slack_receiver": "/",
}


@pytest.mark.parametrize("module", SERVERS)
def test_a_server_answers_whatever_becomes_of_its_log(module: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", module, f"--port={port}"]
    if module == "stand_ins.slack_receiver":
        command.append(f"--store={tmp_path / 'messages'}")
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(command, cwd=tmp_path, stdout=full, stderr=full) as server,
    ):
        try:
            for _ in range(2):  # The first request has been logged, or would have ended it.
                assert answer(f"http://127.0.0.1:{port}{SERVERS[module]}", server) == 200
        finally:
            server.terminate()


def answer(url: str, server: subprocess.Popen[bytes]) -> int:
    """Return the status of the answer of a server that may still be starting."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urlopen(url, timeout=5) as answered:
                return int(answered.status)
        except URLError:
            assert server.poll() is None, f"it ended with {server.returncode}"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.05)


def test_a_log_has_what_is_printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, f"__{name}__"))
    disk.outlive_full_logs()
    print("on standard output", flush=True)
    logging.StreamHandler().emit(logging.makeLogRecord({"msg": "in a log"}))
    said = capfd.readouterr()
    assert (said.out, said.err) == ("on standard output\n", "in a log\n")
