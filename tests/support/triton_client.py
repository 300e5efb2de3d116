"""What the tests of the Triton modules share."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SERVER,
    TritonClient,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.module import connect


def options(url: str, **given: Any) -> dict[str, Any]:
    """Return the options that every module takes, as Ansible fills them in."""
    return {**{name: entry.get("default") for name, entry in SERVER.items()}, "url": url, **given}


def client(url: str, **given: Any) -> TritonClient:
    """Return the client that a module would use."""
    return connect(options(url, **given))


class StoppedClock:
    """Stands still, except that a sleep passes at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
