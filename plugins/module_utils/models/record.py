"""Records of what was made of a model: JSON beside its files, the same bytes for the same facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def dumps(record: Record) -> str:
    """Return a record as it is stored."""
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def read(path: Path) -> Record:
    """Return a record, empty where it is missing or unreadable."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def difference(path: Path, before: Record, after: Record) -> dict[str, str]:
    """Return a record before and after, as Ansible shows it; an empty one is none."""
    return {
        "before_header": str(path),
        "after_header": str(path),
        "before": dumps(before) if before else "",
        "after": dumps(after) if after else "",
    }
