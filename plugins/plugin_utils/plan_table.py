"""A plan as lines for a terminal, each with the colour that Ansible shows such a change in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.cost_lines import (
    STATES,
    notes,
    state_lines,
)

MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
VERBS = {"create": "to create", "update": "to change", "delete": "to delete"}
UNKNOWN = "?"


class Line(NamedTuple):
    """A line and its colour, which None leaves as it is."""

    text: str
    colour: str | None = None


def plan_lines(plan: Mapping[str, Any]) -> list[Line]:
    """Lay a plan out: all changes, what the platform costs, and as the last line the sum."""
    lines = [*change_lines(plan["changes"]), Line("Cost of the platform")]
    lines += [Line(f"  {text}") for text in state_lines(plan["estimate"], list(STATES))]
    lines += [Line(f"  {text}") for text in notes(plan["estimate"])]
    return [*lines, Line(""), *closing_lines(plan)]


def change_lines(changes: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return a heading for each stage, and a line for each change."""
    if not changes:
        return []
    cells = [row(change) for change in changes]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for stage, of_stage in groupby(zip(changes, cells, strict=True), lambda pair: pair[0]["stage"]):
        lines.append(Line(stage))
        for change, (type_, name, fields, cost) in of_stage:
            mark, colour = MARKS[change["action"]]
            text = f"  {mark} {type_:<{widths[0]}}  {name:<{widths[1]}}  {fields:<{widths[2]}}"
            lines.append(Line(f"{text}  {cost:>{widths[3]}}".rstrip(), colour))
    return [*lines, Line("")]


def row(change: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return what a line says of a change: its type, name, changed fields and cost."""
    hourly = change["hourly"]
    cost = UNKNOWN if hourly is None else f"{hourly:+.4f} USD/h" if hourly else ""
    return change["type"], change["name"], ", ".join(change.get("fields", [])), cost


def closing_lines(plan: Mapping[str, Any]) -> list[Line]:
    """Return what is not priced, then how much is to be done and what it adds to the bill."""
    if not plan["changes"]:
        return [Line("Nothing to change: everything is as the playbook wants it.", "bright green")]
    counts = ", ".join(f"{plan['totals'][action]} {verb}" for action, verb in VERBS.items())
    cost = plan["cost"]
    total = f"{counts}; {cost['hourly']:+.2f} USD/h, {cost['monthly']:+,.0f} USD/month"
    unknown = ", ".join(cost["unknown"])
    lines = [Line(f"not counted, since no price is known: {unknown}")] if unknown else []
    return [*lines, Line(total, "bright yellow")]
