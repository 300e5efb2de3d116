"""Build contexts of container images, named by the digest of what is in them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..changes import Facts, change

TYPE = "ImageBuildContext"
"""What a plan calls a context."""
PLANNED = "planned"
"""Stands in check mode for a tag that is not known yet."""
TAG_DIGITS = 12
# Python writes these beside a model that runs from the context; they are no part of it.
IGNORED = "__pycache__"
BUILDING = ".building-"


class ContextError(Exception):
    """A context that cannot be built; the message is meant for the user."""


@dataclass(frozen=True)
class Context:
    """What a context is made of: a directory that becomes ``models/``, and texts beside it."""

    models: Path
    texts: Mapping[str, str] = field(default_factory=dict)

    def tag(self) -> str:
        """Return the first digits of the SHA-256 over the sorted paths and contents."""
        if not any(self.models.glob("*/config.pbtxt")):
            raise ContextError(f"{self.models} has no model: a directory with a config.pbtxt")
        digests = {f"models/{name}": digest for name, digest in file_digests(self.models).items()}
        digests |= {name: _digest(text.encode()) for name, text in self.texts.items()}
        return tag_of(digests)

    def write(self, target: Path) -> None:
        """Write the context to ``target``, which is there whole or not at all.

        Raises:
            ContextError: a model cannot be copied.
        """
        building = Path(tempfile.mkdtemp(prefix=BUILDING, dir=target.parent))
        try:
            self._fill(building)
            if target.exists():
                shutil.rmtree(target)
            building.rename(target)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _fill(self, building: Path) -> None:
        ignored = shutil.ignore_patterns(IGNORED)
        try:
            shutil.copytree(self.models, building / "models", ignore=ignored)
        except shutil.Error as error:
            _, copy, reason = error.args[0][0]
            raise ContextError(f"cannot write {copy}: {reason}") from error
        for name, text in self.texts.items():
            (building / name).write_text(text, encoding="utf-8")
        # The image's user is another one than who builds it.
        for path in [building, *building.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below ``root`` by its relative path."""
    digests = {}
    for path in root.rglob("*"):
        if path.is_file() and IGNORED not in path.parts:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            digests[path.relative_to(root).as_posix()] = digest
    return digests


def tag_of(digests: Mapping[str, str]) -> str:
    """Return the tag of files given by path and content digest."""
    lines = "".join(f"{path} {digest}\n" for path, digest in sorted(digests.items()))
    return _digest(lines.encode())[:TAG_DIGITS]


class ContextDirectory:
    """A directory with one context per tag, and current.json, which names the current one."""

    def __init__(self, directory: Path, repository: str) -> None:
        """Keep contexts of images of ``repository`` in ``directory``."""
        self._directory = directory
        self._repository = repository

    def current(self) -> dict[str, str]:
        """Return what current.json says, empty if there is none."""
        path = self._directory / "current.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def path(self, tag: str) -> Path:
        """Return where the context of a tag is."""
        return self._directory / tag

    def holds(self, tag: str) -> bool:
        """Tell whether the context of the tag is there, and unchanged."""
        return self.path(tag).is_dir() and tag_of(file_digests(self.path(tag))) == tag

    def outdated(self, tag: str, keep: int) -> list[Path]:
        """Return the contexts to remove so that ``keep`` are left, the newest and ``tag``'s."""
        if not self._directory.is_dir():
            return []
        pattern = re.compile(rf"[0-9a-f]{{{TAG_DIGITS}}}")
        others = [
            path
            for path in self._directory.iterdir()
            if pattern.fullmatch(path.name) and path.name != tag
        ]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return others[keep - 1 :]

    def make_current(self, tag: str) -> None:
        """Name the tag in current.json, and count its context as the newest."""
        os.utime(self.path(tag))
        content = json.dumps({"repository": self._repository, "tag": tag}, indent=2) + "\n"
        file = self._directory / f"{BUILDING}current.json"
        file.write_text(content, encoding="utf-8")
        file.replace(self._directory / "current.json")

    def changes(self, tag: str, held: bool, outdated: list[Path]) -> list[Facts]:
        """Return what a plan says: of the current context, and of those that are removed."""
        before = self.current()
        after = {"repository": self._repository, "tag": tag}
        made = [] if held and before == after else [change(TYPE, self._repository, before, after)]
        removed = [f"{self._repository}:{path.name}" for path in outdated]
        return made + [change(TYPE, name, {"name": name}, {}) for name in removed]

    def planned(self, keep: int) -> list[Facts]:
        """Return what a plan says of a context whose content, and so its tag, is not known yet."""
        return self.changes(PLANNED, False, self.outdated(PLANNED, keep))

    def assemble(self, context: Context, keep: int, check_mode: bool) -> tuple[list[Facts], str]:
        """Have the context as the current one; return what a plan says of that, and its tag.

        Contexts beyond ``keep``, and what an interrupted run left, are removed.
        """
        tag = context.tag()
        held = self.holds(tag)
        outdated = self.outdated(tag, keep)
        changes = self.changes(tag, held, outdated)
        if changes and not check_mode:
            self._directory.mkdir(parents=True, exist_ok=True)
            for left in self._directory.glob(f"{BUILDING}*/"):
                shutil.rmtree(left)
            if not held:
                context.write(self.path(tag))
            self.make_current(tag)
            for path in outdated:
                shutil.rmtree(path)
        return changes, tag
