"""Filter: an estimate of costs as a table to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

COLUMNS = ("what", "quantity", "price", "per unit", "per hour", "per month", "paid down to")
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


def cost_table(estimate: Mapping[str, Any], state: str = "") -> list[str]:
    """Return the lines of a table: what is charged, then the sum of each state.

    With a state it is what is charged and the sum in that one.
    """
    states = [state] if state else [*estimate["per_hour"], "scheduled"]
    order = list(STATES)
    charges = [COLUMNS] + [
        (
            line["what"],
            f"{line['quantity']:g}",
            line["price"],
            "unknown" if line["unit_price"] is None else f"{line['unit_price']:g}",
            amount(line["per_hour"], 4),
            amount(line["per_month"], 2),
            STATES[line["until"]],
        )
        for line in estimate["lines"]
        if not state or order.index(line["until"]) >= order.index(state)
    ]
    sums = [("state", "per hour", "per month")] + [
        (
            STATES[each],
            amount(estimate["per_hour"][each], 4) if each in estimate["per_hour"] else "",
            amount(estimate["per_month"][each], 2),
        )
        for each in states
    ]
    notes = [
        f"{estimate['currency']}, {estimate['region']}, prices of {estimate['date']}; "
        "use such as data transfer and log ingestion is not counted"
    ]
    if any(line["price"].startswith("spot_") for line in estimate["lines"]):
        notes.append(
            f"Spot is assumed to cost {estimate['spot_fraction']:.0%} of the on-demand price"
        )
    notes += [f"the table has no price for {unknown}" for unknown in estimate["unknown"]]
    return [*aligned(charges, {1, 3, 4, 5}), "", *aligned(sums, {1, 2}), "", *notes]


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by name."""
        return {"cost_table": cost_table}
