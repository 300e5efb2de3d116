"""Filter: how much a folder holds, and how much its disk has free."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict


class DiskSpace(TypedDict):
    """Sizes in bytes."""

    used: int
    free: int


def disk_space(folder: str) -> DiskSpace:
    """Return what a folder takes on its disk, and what is free there for this user.

    The folder need not be there yet: its disk is that of the first folder above it which is.
    """
    path = Path(folder).expanduser().absolute()
    existing = next(each for each in (path, *path.parents) if each.exists())
    return {"used": size(path), "free": shutil.disk_usage(existing).free}


def size(folder: Path) -> int:
    """Return the bytes that the files below a folder take; one that goes meanwhile takes none."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += 512 * Path(parent, name).lstat().st_blocks
    return total


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., DiskSpace]]:
        """Return the filter by name."""
        return {"disk_space": disk_space}
