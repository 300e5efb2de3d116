"""A real Triton, out of nvidia-pytriton, on a port that the system picks."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playbook_run import ROOT

LAY_OUT = ROOT / "roles" / "local_stack" / "files" / "lay_out_triton.py"
READY_SECONDS = 60
STOP_SECONDS = 10


@contextmanager
def triton(repository: Path) -> Iterator[int]:
    """Serve a model repository, and give the port of HTTP once all models are ready.

    Raises:
        SystemExit: a model does not load; the log tells why.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, LAY_OUT, folder], check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        command = [
            f"{folder}/bin/tritonserver",
            f"--model-repository={repository}",
            "--http-address=127.0.0.1",
            f"--http-port={port}",
            "--allow-grpc=false",
            "--allow-metrics=false",
            "--exit-timeout-secs=5",
        ]
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            if not is_ready(port, process):
                sys.exit(log.read_text("utf-8", errors="replace")[-5000:])
            yield port
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the server and its models are ready; tell whether they are in time."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5):
                return True
        except OSError:
            time.sleep(0.1)
    return False
