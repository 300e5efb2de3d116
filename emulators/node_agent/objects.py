"""Small pure functions over Kubernetes objects, which are plain dictionaries as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def utcnow() -> str:
    """The time now as Kubernetes writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(timestamp: str) -> float:
    """Seconds from a Kubernetes timestamp until now."""
    return (datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds()


def name(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def namespace(obj: Object) -> str:
    """The object's namespace, empty for a cluster-scoped object."""
    return str(obj["metadata"].get("namespace", ""))


def uid(obj: Object) -> str:
    """The object's uid."""
    return str(obj["metadata"]["uid"])


def labels_of(obj: Object) -> dict[str, str]:
    """The object's labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """The object's annotations."""
    return obj["metadata"].get("annotations") or {}


def version(obj: Object) -> int:
    """The resourceVersion, which the API server orders numerically."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def terminating(obj: Object) -> bool:
    """Whether the object was asked to go."""
    return "deletionTimestamp" in obj["metadata"]


def finished(pod: Object) -> bool:
    """Whether the pod's containers ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def active(pod: Object) -> bool:
    """Whether the pod counts against a controller's replicas."""
    return not terminating(pod) and not finished(pod)


def controller(obj: Object) -> Object | None:
    """The owner reference which controls the object."""
    refs = obj["metadata"].get("ownerReferences") or []
    return next((ref for ref in refs if ref.get("controller")), None)


def owner_reference(owner: Object) -> Object:
    """A controlling reference to ``owner``, which must carry apiVersion and kind."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(obj: Object, kind: str) -> Object:
    """The status condition of that type, empty when there is none."""
    conditions = obj.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == kind), {})


def ready(pod: Object) -> bool:
    """Whether the pod's Ready condition is true."""
    return condition(pod, "Ready").get("status") == "True"


def available_in(pod: Object, min_ready_seconds: float) -> float:
    """Seconds until the pod counts as available: 0 when it does, infinity when it is not ready."""
    if not ready(pod):
        return math.inf
    if not min_ready_seconds:
        return 0.0
    since = seconds_since(condition(pod, "Ready")["lastTransitionTime"])
    return max(0.0, min_ready_seconds - since)


def with_condition(conditions: Iterable[Object] | None, new: Object) -> list[Object]:
    """The conditions with ``new`` in its type's place; its transition time is kept or made."""
    result = list(conditions or [])
    for index, old in enumerate(result):
        if old["type"] == new["type"]:
            same = old["status"] == new["status"]
            since = old.get("lastTransitionTime") if same else None
            result[index] = {**new, "lastTransitionTime": since or utcnow()}
            return result
    return [*result, {**new, "lastTransitionTime": utcnow()}]


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """An absolute number out of a number or a percentage of ``total``, rounded up or down."""
    if isinstance(value, int):
        return value
    share = total * int(value.rstrip("%")) / 100
    return math.ceil(share) if up else math.floor(share)


def expression_matches(expression: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether one selector requirement (In, NotIn, Exists, DoesNotExist, Gt, Lt) holds."""
    key, wanted = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return values.get(key) in wanted
        case "NotIn":
            return values.get(key) not in wanted
        case "Exists":
            return key in values
        case "DoesNotExist":
            return key not in values
        case "Gt":
            return key in values and int(values[key]) > int(wanted[0])
        case "Lt":
            return key in values and int(values[key]) < int(wanted[0])
    return False


def selector_matches(selector: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) selects these labels."""
    exact = selector.get("matchLabels") or {}
    return all(values.get(key) == value for key, value in exact.items()) and all(
        expression_matches(expression, values)
        for expression in selector.get("matchExpressions") or []
    )
