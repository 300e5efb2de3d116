"""The processes of the agent."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from node_agent.pods.process import Process

from ..conftest import wait_for


def marked(folder: Path) -> list[str]:
    """The processes that have the folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"MARK={folder}".encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
    return found


def test_a_process_that_cannot_be_recorded_is_not_left_running(tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "MARK": str(tmp_path)}
    pid_file = tmp_path / "missing" / "pid"
    with pytest.raises(FileNotFoundError):
        asyncio.run(Process.start(["sleep", "60"], env, tmp_path, pid_file, tmp_path / "log"))
    wait_for(lambda: not marked(tmp_path), "the end of the process")
