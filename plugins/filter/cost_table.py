"""Filter: an estimate of costs as a table to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.cost_lines import (
    STATES,
    aligned,
    amount,
    notes,
    state_lines,
)

COLUMNS = ("what", "quantity", "price", "per unit", "per hour", "per month", "paid down to")


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
    return [
        *aligned(charges, {1, 3, 4, 5}),
        "",
        *state_lines(estimate, states),
        "",
        *notes(estimate),
    ]


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by name."""
        return {"cost_table": cost_table}
