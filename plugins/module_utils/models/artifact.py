"""A file that a model is made of: brought here from an address, and the one that is declared."""

from __future__ import annotations

import hashlib
import os
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.urls import ConnectionError as UrlConnectionError
from ansible.module_utils.urls import open_url

from .declaration import (
    ModelError,
    Origin,
    sha256,
)

FETCH_ERRORS = (HTTPException, OSError, UrlConnectionError, ValueError)
"""What an address that cannot be read raises; the errors of urllib and sockets are OSErrors."""
CHUNK = 1 << 20
TIMEOUT = 30
"""Seconds without a byte before an address counts as out of reach."""


def fetch(origin: Origin, downloads: Path) -> Path:
    """Return where a file lies; one from an address is fetched into downloads, once.

    Raises:
        ModelError: the file cannot be had, or it is another one than was declared.
    """
    digest = origin.digest()
    if not origin.is_remote:
        return Path(origin.location)
    kept = downloads / f"{digest}{PurePosixPath(urlsplit(origin.location).path).suffix}"
    if kept.is_file() and sha256(kept) == digest:
        return kept
    partial = kept.with_name(f".{kept.name}.{os.getpid()}.partial")
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        found = copy(origin.location, partial)
        if found != digest:
            raise ModelError(f"{origin.location} has the sha256 {found}, but {digest} is declared")
        partial.replace(kept)
    except OSError as error:
        raise ModelError(f"cannot write {kept}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return kept


def copy(address: str, dest: Path) -> str:
    """Write what is at an address to dest and return its sha256.

    Raises:
        ModelError: the address cannot be read.
    """
    hashed = hashlib.sha256()
    try:
        answer = open_url(address, timeout=TIMEOUT)
    except FETCH_ERRORS as error:
        raise unreachable(address, error) from error
    with answer, dest.open("wb") as file:
        while chunk := read(answer, address):
            hashed.update(chunk)
            file.write(chunk)
    return hashed.hexdigest()


def read(answer: Any, address: str) -> bytes:
    """Return the next piece of an answer, empty at its end.

    Raises:
        ModelError: the connection breaks.
    """
    try:
        chunk: bytes = answer.read(CHUNK)
    except FETCH_ERRORS as error:
        raise unreachable(address, error) from error
    return chunk


def unreachable(address: str, error: Exception) -> ModelError:
    """Return the error that says that an address cannot be read."""
    return ModelError(f"cannot fetch {address}: {error}")
