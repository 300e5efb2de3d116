"""The registry: a folder of released models, each version with a manifest that says what it is.

What is released is never changed. So a digest in a manifest says for good which bytes were meant,
and every reader can find out whether it still has them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .declaration import (
    ModelError,
    sha256,
)

MANIFEST = "manifest.json"
SBOM = "sbom.cdx.json"
RECORDS = (MANIFEST, SBOM)
"""What a release says of itself, beside its content."""
BLOCK = 1 << 20


def digest(files: dict[str, str]) -> str:
    """Return the one digest of a content, given the sha256 of each file by path."""
    lines = (f"{path} {sha256}\n" for path, sha256 in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def content_files(folder: Path) -> list[str]:
    """Return the paths of all files below a folder, without what Python caches there."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and "__pycache__" not in path.parts
    )


def copy(source: Path, dest: Path, expected: str, mode: int) -> None:
    """Copy a file, and make sure that the copy is what was expected.

    Args:
        source: the file.
        dest: where the copy goes; its folders are made.
        expected: the file's sha256.
        mode: permissions of the copy.

    Raises:
        ModelError: the file is another one.
    """
    found = hashlib.sha256()
    dest.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, dest.open("wb") as writer:
        while block := reader.read(BLOCK):
            found.update(block)
            writer.write(block)
    dest.chmod(mode)
    check_digest(source, found.hexdigest(), expected)


def check_digest(path: Path, found: str, expected: str) -> None:
    """Compare a file's sha256 with the one on record.

    Raises:
        ModelError: it is another one.
    """
    if found != expected:
        raise ModelError(f"{path} has been changed: its sha256 is {found}, on record is {expected}")


@dataclass(frozen=True)
class Release:
    """One released version of a model."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Release:
        """Read the manifest in a directory.

        Raises:
            ModelError: there is none, or it contradicts itself.
        """
        file = path / MANIFEST
        try:
            manifest = json.loads(file.read_bytes())
            named, made, _ = manifest["digest"], digest(manifest["files"]), manifest["sbom"]
            version = (manifest["name"], str(manifest["version"]))
        except FileNotFoundError as error:
            raise ModelError(f"{path} is not a release: it has no {MANIFEST}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{file} is not the manifest of a release: {error!r}") from error
        if named != made:
            raise ModelError(
                f"{file} has been changed: the digest of its files is {made}, on record is {named}"
            )
        if version != (path.parent.name, path.name):
            raise ModelError(f"{file} is of another release: {version[0]} {version[1]}")
        return cls(path, manifest)

    @property
    def digest(self) -> str:
        """The digest of the content."""
        return str(self.manifest["digest"])

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file by path: the content, and the bill of materials."""
        return self.manifest["files"] | {SBOM: self.manifest["sbom"]}

    def verify(self) -> None:
        """Read all files and compare them with the manifest.

        Raises:
            ModelError: one was changed, added or removed.
        """
        present, named = set(content_files(self.path)) - {MANIFEST}, self.files
        for path in sorted(present ^ named.keys()):
            found = "has been added" if path in present else "has been removed"
            raise ModelError(f"{self.path / path} {found}: it does not fit {self.path / MANIFEST}")
        for path, expected in sorted(named.items()):
            check_digest(self.path / path, sha256(self.path / path), expected)


def released_versions(releases: Path, name: str) -> list[int]:
    """Return the released versions of a model, the newest last."""
    return sorted(
        int(path.parent.name)
        for path in (releases / name).glob(f"*/{MANIFEST}")
        if path.parent.name.isdecimal()
    )


@contextmanager
def locked(releases: Path) -> Iterator[None]:
    """Keep other publishers out of a registry; wait until they have finished."""
    releases.mkdir(parents=True, exist_ok=True)
    with (releases / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
