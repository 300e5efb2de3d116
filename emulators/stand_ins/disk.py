"""Outlive a full disk: write files and lines whole or not at all, lose what cannot be logged."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a file in its place in one step; a program that runs keeps the one that it has open.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(content)
        fresh.chmod(mode)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def write_or_exit(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a file and its folders in their place, or end the program with one sentence.

    Raises:
        SystemExit: it cannot be written; what was there is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content, mode)
    except OSError as error:
        sys.exit(f"cannot write {path} of {len(content)} bytes: {error.strerror}")


def append(path: Path, line: str) -> None:
    """Append a line to a file.

    Raises:
        OSError: it cannot be written; the file ends with the line before.
    """
    with path.open("ab", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        content = f"{line}\n".encode()
        try:
            written = file.write(content)
            if written < len(content):
                file.write(content[written:])
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise


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


def outlive_full_logs() -> None:
    """Let the program run on when its standard output and error, a log, cannot be written.

    Otherwise the write would raise OSError in the middle of a request, or end the server.
    """
    sys.stdout, sys.stderr = Lossy(sys.stdout), Lossy(sys.stderr)
