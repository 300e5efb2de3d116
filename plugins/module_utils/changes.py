"""What modules say of each thing that they create, change or delete, for a plan to tell."""

from __future__ import annotations

from typing import Any

Facts = dict[str, Any]


def changes_of(type_: str, name: str, before: Facts, after: Facts) -> list[Facts]:
    """Return what a plan says of one resource, which is nothing where nothing changes."""
    return [] if before == after else [change(type_, name, before, after)]


def change(type_: str, name: str, before: Facts, after: Facts) -> Facts:
    """Return that a resource is created, changed or deleted.

    An empty ``before`` or ``after`` is a resource that is not there.
    """
    action = "update" if before and after else "create" if after else "delete"
    made: Facts = {"action": action, "type": type_, "name": name}
    if action == "update":
        made["fields"] = sorted(differences(before, after))
    return made


def differences(current: Facts, wanted: Facts) -> set[str]:
    """Return the names of the wanted fields which the current ones do not equal."""
    return {name for name, value in wanted.items() if current.get(name) != value}
