"""An emulated AWS of its own, for what needs an account that begins empty."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30


@contextmanager
def emulated_aws(
    port: int, log: Path, eks_seconds: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Serve an empty account, whose requests are logged, and give its URL.

    ``eks_seconds`` are how long the changes at EKS take, by kind.

    Raises:
        RuntimeError: it does not answer in time.
    """
    command = [sys.executable, "-m", "aws_emulator", "--port", str(port), "--request-log", str(log)]
    if eks_seconds:
        pairs = ",".join(f"{kind}={seconds}" for kind, seconds in eks_seconds.items())
        command += ["--eks-seconds", pairs]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError("the emulated AWS does not answer") from None
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()
