"""Lines of an estimate of costs, for those who print all of it or a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STATES = {
    "awake": "awake",
    "idle": "idle (no GPU node)",
    "asleep": "asleep (no node)",
    "deep_asleep": "deep asleep",
    "scheduled": "as scheduled",
}


def amount(value: float | None, digits: int) -> str:
    """Return an amount of money, which may be unknown."""
    return "unknown" if value is None else f"{value:.{digits}f}"


def aligned(rows: Sequence[tuple[str, ...]], numbers: set[int]) -> list[str]:
    """Return rows as lines whose columns stand below one another, with numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def state_lines(estimate: Mapping[str, Any], states: Sequence[str]) -> list[str]:
    """Return a table of what the platform costs in each of these states."""
    sums = [("state", "per hour", "per month")] + [
        (
            STATES[each],
            amount(estimate["per_hour"][each], 4) if each in estimate["per_hour"] else "",
            amount(estimate["per_month"][each], 2),
        )
        for each in states
    ]
    return aligned(sums, {1, 2})


def notes(estimate: Mapping[str, Any]) -> list[str]:
    """Return what the sums are made from, what they assume, and what they lack."""
    lines = [
        f"{estimate['currency']}, {estimate['region']}, prices of {estimate['date']}; "
        "use such as data transfer and log ingestion is not counted"
    ]
    if any(line["price"].startswith("spot_") for line in estimate["lines"]):
        lines.append(
            f"Spot is assumed to cost {estimate['spot_fraction']:.0%} of the on-demand price"
        )
    return lines + [f"the table has no price for {unknown}" for unknown in estimate["unknown"]]
