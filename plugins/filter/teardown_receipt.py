"""Filters: what a teardown has deleted and what it has left, as data and as a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Resources = Sequence[Mapping[str, Any]]


def teardown_receipt(before: Resources, after: Resources) -> dict[str, Any]:
    """Return what of ``before`` is deleted, what is left after all, and what both cost an hour."""
    left = {identity(resource) for resource in after}
    deleted = [resource for resource in before if identity(resource) not in left]
    return {
        "before": list(before),
        "deleted": deleted,
        "left": list(after),
        "hourly": {"before": hourly(before), "left": hourly(after)},
    }


def identity(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Return what tells one resource from all others."""
    return resource["type"], resource["id"]


def hourly(resources: Resources) -> float:
    """Return what resources cost in an hour, as far as it is known."""
    return round(sum(resource["hourly"] or 0 for resource in resources), 4)


def amount(value: float | None) -> str:
    """Return the cost of an hour for a reader: none is not worth a word."""
    if value is None:
        return "of unknown cost"
    return f"{value:.4f} USD/h" if value else ""


def named(resource: Mapping[str, Any]) -> str:
    """Return a resource as a sentence names it, with its cost."""
    identifier = "" if resource["id"].endswith(resource["name"]) else resource["id"]
    details = ", ".join(filter(None, (identifier, amount(resource["hourly"]))))
    return f"{resource['type']} {resource['name']}" + (f" ({details})" if details else "")


def receipt_table(receipt: Mapping[str, Any], planned: bool = False) -> list[str]:
    """Lay a receipt out: deleted resources by type, and each that is left.

    One that is only planned is told in the words of a plan.
    """
    numbers = Counter(resource["type"] for resource in receipt["deleted"])
    costs: dict[str, float] = defaultdict(float)
    for resource in receipt["deleted"]:
        costs[resource["type"]] += resource["hourly"] or 0
    rows = [
        ("to delete" if planned else "deleted", type_, str(number), amount(costs[type_]))
        for type_, number in numbers.items()
    ]
    rows += [
        ("left", resource["type"], resource["name"], amount(resource["hourly"]))
        for resource in receipt["left"]
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [
        f"{state:<{widths[0]}}  {type_:<{widths[1]}}  {what:<{widths[2]}}  {cost}".rstrip()
        for state, type_, what, cost in rows
    ]
    return [*lines, summary(receipt, planned)]


def summary(receipt: Mapping[str, Any], planned: bool) -> str:
    """Return the receipt in a sentence."""
    if not receipt["before"] and not receipt["left"]:
        return "Nothing was there."
    saved = receipt["hourly"]["before"] - receipt["hourly"]["left"]
    number = len(receipt["deleted"])
    if planned:
        return f"{number} to delete, which would save {saved:.4f} USD/h"
    return (
        f"{number} deleted, which saves {saved:.4f} USD/h; "
        f"{len(receipt['left'])} left, at {receipt['hourly']['left']:.4f} USD/h"
    )


def receipt_failure(receipt: Mapping[str, Any]) -> str:
    """Return why a teardown has failed: what it left, and where it stopped; else nothing."""
    sentences = []
    if receipt["left"]:
        sentences.append(
            f"Something is left, which costs {receipt['hourly']['left']} USD an hour as far as it "
            f"is known: {'; '.join(map(named, receipt['left']))}."
        )
    if receipt["stopped"]:
        sentences.append(
            f"It stopped at {receipt['stopped'].rstrip('.')}. The same command goes on from there."
        )
    return " ".join(sentences)


class FilterModule:
    """Offer the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "teardown_receipt": teardown_receipt,
            "receipt_table": receipt_table,
            "receipt_failure": receipt_failure,
            "resource_name": named,
        }
