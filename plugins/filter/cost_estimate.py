"""Filter: what a declared platform costs while it works, waits, sleeps and sleeps deeply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.week import (
    HOURS_PER_WEEK,
    waking_hours,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.cost import (
    HOURS_PER_MONTH,
    Charge,
    Resource,
    charges_of,
    prices_in,
)

# From the most to the least that runs: what a resource is there for is there in all states before.
STATES = ("awake", "idle", "asleep", "deep_asleep")

Declared = Mapping[str, Any]
Estimate = dict[str, Any]


def lines_of(declared: Declared, prices: Mapping[str, float]) -> list[Estimate]:
    """Return a line for each charge of a declared resource that there is any of."""
    if declared["until"] not in STATES:
        raise AnsibleFilterError(
            f"cost_estimate: {declared['name']} has until {declared['until']!r}; it must be one of "
            f"{', '.join(STATES)}"
        )
    properties = declared.get("properties", {})
    resource = Resource(type=declared["type"], name=declared["name"], properties=properties)
    charges = charges_of(resource)
    if charges is None:
        charges = [Charge(declared["type"], 1)]
    lines = []
    for charge in charges:
        number = declared.get("count", 1) * charge.quantity
        if number == 0:
            continue
        per_hour = Charge(charge.price, number).hourly(prices)
        lines.append(
            {
                "what": declared["name"],
                "price": charge.price,
                "quantity": round(number, 3),
                "unit_price": prices.get(charge.price),
                "per_hour": None if per_hour is None else round(per_hour, 6),
                "per_month": None if per_hour is None else round(per_hour * HOURS_PER_MONTH, 2),
                "until": declared["until"],
            }
        )
    return lines


def total(lines: Iterable[Estimate]) -> float | None:
    """Return what lines cost in an hour, or None where one of them is not known."""
    costs = [line["per_hour"] for line in lines]
    return None if None in costs else round(sum(costs), 6)


def cost_estimate(
    resources: Iterable[Declared],
    table: Mapping[str, Any],
    region: str,
    stop: str = "",
    start: str = "",
) -> Estimate:
    """Return what a platform costs in an hour and a month, by state, and what it costs for."""
    prices = prices_in(table, region)
    lines = [line for declared in resources for line in lines_of(declared, prices)]
    per_hour = {
        state: total(line for line in lines if STATES.index(line["until"]) >= number)
        for number, state in enumerate(STATES)
    }
    awake, asleep, waking = per_hour["awake"], per_hour["asleep"], waking_hours(stop, start)
    scheduled = None
    if awake is not None and asleep is not None and waking is not None:
        part = waking / HOURS_PER_WEEK
        scheduled = part * awake + (1 - part) * asleep
    return {
        "region": region,
        "date": table["date"],
        "currency": table["currency"],
        "spot_fraction": table["assumptions"]["spot_fraction"],
        "lines": lines,
        "per_hour": per_hour,
        "per_month": {
            state: None if hourly is None else round(hourly * HOURS_PER_MONTH, 2)
            for state, hourly in {**per_hour, "scheduled": scheduled}.items()
        },
        "waking_hours": waking,
        "unknown": sorted(
            {f"{line['what']}: {line['price']}" for line in lines if line["per_hour"] is None}
        ),
    }


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Estimate]]:
        """Return the filter by name."""
        return {"cost_estimate": cost_estimate}
