"""Filter: variables that look like a role's but are in no role's argument specification."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

# How alike a name without a role's prefix must be to a known one to count as mistyped.
NEAR_MISS = 0.9


def specified_variables(roles_directory: str) -> dict[str, set[str]]:
    """Return the option names of every role's main entry point, by role name."""
    specified = {}
    for path in sorted(Path(roles_directory).glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        specified[path.parent.parent.name] = set(specs["main"].get("options", {}))
    return specified


def unknown_variables(names: Iterable[str], roles_directory: str) -> list[str]:
    """Return a sentence for each name that no role knows though it looks like a role's.

    A name looks like a role's when it begins with the role's name and an underscore, or when it
    differs from a role's variable by no more than a slip of the finger.
    """
    specified = specified_variables(roles_directory)
    known = set().union(*specified.values())
    prefixes = tuple(f"{role}_" for role in specified)
    found = []
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=NEAR_MISS)
        if near:
            found.append(f"{name} is not a variable of any role: did you mean {near[0]}?")
        elif name.startswith(prefixes):
            found.append(f"{name} is not a variable of any role")
    return found


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by name."""
        return {"unknown_variables": unknown_variables}
