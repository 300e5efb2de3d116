"""What a playbook would change, read from ansible-runner's events of its run in check mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.mlops.gpu_platform.plugins.module_utils.cost import (
    FREE,
    HOURS_PER_MONTH,
    Prices,
    Resource,
    hourly_price,
)

Change = dict[str, Any]
Fields = Mapping[str, Any]

PENDING, UNCHANGED, ERROR = "pending", "unchanged", "error"
# What a module calls the thing that it looks after, the best name first.
NAMES = ("name", "path", "dest")
FILES = ("ansible.builtin.copy", "ansible.builtin.file")


class Stock(NamedTuple):
    """A module of amazon.aws that the roles use: what it looks after, and what tells its name.

    It returns the key ``there`` where there is such a resource already.
    """

    type: str
    name: str
    there: str


STOCK = {
    "amazon.aws.cloudwatchlogs_log_group": Stock("AWS::Logs::LogGroup", "log_group_name", "arn"),
    "amazon.aws.kms_key": Stock("AWS::KMS::Key", "alias", "key_arn"),
}


def plan_of(events: Iterable[Fields], prices: Prices, estimate: Fields) -> dict[str, Any]:
    """Return the changes that the events tell of, how many of each kind, and what they cost.

    The estimate is what the platform costs with all of them.
    """
    changes = [
        {
            "stage": event["play"],
            "role": event.get("role"),
            **change,
            "hourly": cost_difference(change, before, after, prices),
        }
        for event in changed_tasks(events)
        for change, before, after in changes_of(event)
    ]
    hourly = sum(change["hourly"] or 0 for change in changes)
    return {
        "result": PENDING if changes else UNCHANGED,
        "errors": [],
        "changes": changes,
        "totals": {
            action: sum(change["action"] == action for change in changes)
            for action in ("create", "update", "delete")
        },
        "cost": {
            "currency": "USD",
            "hourly": round(hourly, 4),
            "monthly": round(hourly * HOURS_PER_MONTH, 2),
            "unknown": sorted({change["type"] for change in changes if change["hourly"] is None}),
        },
        "estimate": estimate,
    }


def refusal(messages: list[str]) -> dict[str, Any]:
    """Return the plan of a playbook that would fail: there is none, and these are the reasons."""
    return {"result": ERROR, "errors": messages, "changes": []}


def failures_of(events: Iterable[Fields]) -> list[str]:
    """Return why tasks failed, in order; of a loop each item's reason."""
    messages: list[str] = []
    with_items = set()
    for event in events:
        data = event["event_data"]
        if event["event"] == "runner_item_on_failed":
            with_items.add(data["task_uuid"])
        elif event["event"] == "runner_on_failed":
            if data.get("ignore_errors") or data["task_uuid"] in with_items:
                continue
        elif event["event"] != "runner_on_unreachable":
            continue
        message = str(data["res"].get("msg") or data["res"])
        messages.append(f"{data['task']}: {message}")
    return messages


def changed_tasks(events: Iterable[Fields]) -> Iterator[Fields]:
    """Yield the data of each task, and of each item of a loop, that would change something."""
    with_items = set()
    for event in events:
        if event["event"] not in {"runner_on_ok", "runner_item_on_ok"}:
            continue
        data = event["event_data"]
        if event["event"] == "runner_item_on_ok":
            with_items.add(data["task_uuid"])
        elif data["task_uuid"] in with_items:
            continue
        if data["res"].get("changed"):
            yield data


def changes_of(event: Fields) -> Iterator[tuple[Change, Fields, Fields]]:
    """Yield the changes of one task, each with the properties before and after.

    A module of this collection lists them; what the others say is made into one.
    """
    result = event["res"]
    before, after = difference(result)
    if "changes" not in result:
        yield foreign_change(event, before, after), before, after
        return
    # The difference describes the resource that the module is named after. What it needs beside
    # that, such as a launch template, is free.
    priced = [change for change in result["changes"] if change["type"] not in FREE]
    for change in result["changes"]:
        if [change] == priced:
            yield change, before, after
        else:
            yield change, part_of(before, change), part_of(after, change)


def part_of(side: Fields, change: Change) -> Fields:
    """Return the fields of one of several resources, by its name or by its type and name."""
    fields: Fields = side.get(change["type"], side).get(change["name"], {})
    return fields


def difference(result: Fields) -> tuple[Fields, Fields]:
    """Return the fields before and after a change, as far as the module tells them.

    Of several files they are the contents by path.
    """
    diff = result.get("diff") or {}
    if isinstance(diff, list):
        before, after = (
            {str(part.get(f"{side}_header")): part[side] for part in diff if part.get(side)}
            for side in ("before", "after")
        )
        return before, after
    return fields_of(diff.get("before")), fields_of(diff.get("after"))


def fields_of(side: Any) -> Fields:
    """Return one side of a difference as fields: none of what is not there."""
    if not isinstance(side, dict):
        return {"content": side} if side else {}
    return {} if side.get("state") == "absent" else side


def foreign_change(event: Fields, before: Fields, after: Fields) -> Change:
    """Return the change that a module of another collection makes, in the words of ours."""
    result, module = event["res"], event["resolved_action"]
    arguments = (result.get("invocation") or {}).get("module_args", {})
    action = action_of(arguments, before, after)
    if stock := STOCK.get(module):
        type_, name = stock.type, arguments[stock.name]
        if action != "delete":
            action = "update" if stock.there in result else "create"
    else:
        type_ = module.rpartition(".")[2]
        if module in FILES:
            type_ = "Directory" if arguments.get("state") == "directory" else "File"
        # In check mode ansible.builtin.copy tells the path in the difference only.
        paths = (*before, *after) if isinstance(result.get("diff"), list) else ()
        named = (arguments[key] for key in NAMES if isinstance(arguments.get(key), str))
        name = next(iter((*named, *paths, event["task"])))
    return {"action": action, "type": type_, "name": name}


def action_of(arguments: Fields, before: Fields, after: Fields) -> str:
    """Return whether something is created, updated or deleted, as far as it can be told."""
    if arguments.get("state") == "absent":
        return "delete"
    if before and not after:
        return "delete"
    return "create" if after and not before else "update"


def cost_difference(change: Change, before: Fields, after: Fields, prices: Prices) -> float | None:
    """Return what a change adds to the cost of an hour; None where a price is not known."""
    if not change["type"].startswith("AWS::"):
        return 0.0

    def price(properties: Fields) -> float | None:
        resource = Resource(type=change["type"], name=change["name"], properties=properties)
        return hourly_price(resource, prices)

    old = 0.0 if change["action"] == "create" else price(before)
    new = 0.0 if change["action"] == "delete" else price(after)
    return None if old is None or new is None else round(new - old, 6)
