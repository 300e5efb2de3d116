"""Print the keys of a publisher's chart values, as test_publisher_values.py reads them.

    helm show values nvidia-device-plugin --repo URL --version 0.19.3 > values.yaml
    python record.py values.yaml [subchart=values-of-the-subchart.yaml ...]

Only keys are recorded. A key that ends in ".*" is an empty mapping or null, so that anything may
be below it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def keys(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Return the dotted paths of all leaves."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from keys(value, f"{path}.")
        elif value is None or value == {}:
            yield f"{path}.*"
        else:
            yield path


def main() -> None:
    """Print the keys of the files named on the command line."""
    found: set[str] = set()
    for argument in sys.argv[1:]:
        subchart, _, file = argument.rpartition("=")
        prefix = f"{subchart}." if subchart else ""
        found.update(keys(yaml.safe_load(Path(file).read_text(encoding="utf-8")), prefix))
    print(yaml.safe_dump({"keys": sorted(found)}, width=1000), end="")


if __name__ == "__main__":
    main()
