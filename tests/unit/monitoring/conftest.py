"""The programs that read what the role installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run(kubernetes_clients: Path) -> Run:
    """Return a function that runs a program, asserts success and returns all that it printed."""
    path = f"{kubernetes_clients}{os.pathsep}{os.environ['PATH']}"

    def run(program: str, *arguments: str | Path) -> str:
        found = shutil.which(program, path=path)
        assert found, f"{program} is not in PATH"
        result = subprocess.run(
            [found, *map(str, arguments)], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run
