"""A real Triton, out of nvidia-pytriton, on ports that the system picks."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60
STOP_SECONDS = 10


@dataclass(frozen=True)
class TritonProcess:
    """A running server. Its models may still be loading."""

    process: subprocess.Popen[bytes]
    http: int
    """Port of HTTP, on 127.0.0.1."""
    grpc: int
    """Port of gRPC."""
    log: Path

    @property
    def url(self) -> str:
        """Base address of HTTP."""
        return f"http://127.0.0.1:{self.http}"

    def wait_until_ready(self, path: str = "/v2/health/ready") -> None:
        """Return when one of Triton's ready flags is set, by default that of all models.

        Raises:
            RuntimeError: it is not set in time; with the end of the log.
        """
        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}{path}", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(self.log.read_text("utf-8", errors="replace")[-5000:])


def lay_out(folder: Path) -> None:
    """Write Triton's program into a folder, as the role local_stack does."""
    command = [sys.executable, "-m", "stand_ins.triton.lay_out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running_triton(folder: Path, repository: Path, *arguments: str) -> Iterator[TritonProcess]:
    """Run a Triton on a model repository.

    Args:
        folder: where its program was laid out, and its log goes.
        repository: the models.
        arguments: further ones of the server.
    """
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        http, grpc = (probe.getsockname()[1] for probe in (first, second))
    command = [
        str(folder / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        "--http-address=127.0.0.1",
        f"--http-port={http}",
        "--grpc-address=127.0.0.1",
        f"--grpc-port={grpc}",
        "--allow-metrics=false",
        # Enough for the models' processes to give their shared memory back.
        "--exit-timeout-secs=3",
        *arguments,
    ]
    log = folder / f"{repository.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        yield TritonProcess(process, http, grpc, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
