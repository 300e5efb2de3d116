"""Run a Python module as ``python -m`` does, and let it live when its log cannot be written.

Usage: ``run_module.py MODULE [ARGUMENT]...``. On a full disk a log loses lines; without this the
write would raise OSError in the middle of a request, or end the server.
"""

from __future__ import annotations

import runpy
import sys
from contextlib import suppress
from typing import Any, TextIO


class Lossy:
    """A text stream of which what cannot be written is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose, a text."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write, or lose for now, what is held back."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


if __name__ == "__main__":
    sys.stdout, sys.stderr = Lossy(sys.stdout), Lossy(sys.stderr)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
