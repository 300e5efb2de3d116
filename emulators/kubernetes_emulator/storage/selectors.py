"""Label selectors and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..errors import bad_request
from ..resources import Resource

Object = dict[str, Any]
Predicate = Callable[[Object], bool]

_TERM = re.compile(
    r"\s*(?:"
    r"(?P<set_key>[^\s,!=()<>]+)\s+(?P<set_op>in|notin)\s*\((?P<values>[^()]*)\)"
    r"|(?P<not>!)\s*(?P<absent>[^\s,!=()<>]+)"
    r"|(?P<key>[^\s,!=()<>]+)\s*(?P<op>==|!=|=|<|>)\s*(?P<value>[^\s,!=()<>]*)"
    r"|(?P<present>[^\s,!=()<>]+)"
    r")\s*(?:,|$)"
)

# Fields that a selector may name, beside metadata.name and metadata.namespace.
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("apps", "replicasets"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
}


def number(query: dict[str, str], name: str) -> int:
    """Return a query parameter that is a whole number; 0 when it is not given."""
    text = query.get(name) or "0"
    if not text.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{text}": must be a whole number')
    return int(text)


def parse_labels(text: str) -> Predicate:
    """Return the test of a label selector such as `app=x,tier in (a,b),!old`."""
    tests: list[Callable[[dict[str, str]], bool]] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if not match or match.end() == position:
            raise bad_request(f'unable to parse requirement: found "{text[position:]}"')
        tests.append(_label_test(match))
        position = match.end()
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def _label_test(match: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    if key := match["set_key"]:
        values = {value.strip() for value in match["values"].split(",")}
        if match["set_op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if key := match["absent"]:
        return lambda labels: key not in labels
    if key := match["present"]:
        return lambda labels: key in labels
    key, operator, value = match["key"], match["op"], match["value"]
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if not re.fullmatch(r"-?\d+", value):
        raise bad_request(
            f'values[0][{key}]: Invalid value: "{value}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    limit, sign = int(value), 1 if operator == ">" else -1

    def compare(labels: dict[str, str]) -> bool:
        found = labels.get(key, "")
        return bool(re.fullmatch(r"-?\d+", found)) and (int(found) - limit) * sign > 0

    return compare


def parse_fields(text: str, resource: Resource) -> Predicate:
    """Return the test of a field selector such as `status.phase!=Running`."""
    allowed = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.key, ()))
    if resource.crd_version:
        selectable = resource.crd_version.get("selectableFields", [])
        allowed += tuple(entry["jsonPath"].lstrip(".") for entry in selectable)
    tests: list[tuple[str, bool, str]] = []
    for term in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*([^=!]+?)\s*(==|!=|=)\s*(.*?)\s*", term)
        if not match:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        if match[1] not in allowed:
            raise bad_request(f"field label not supported: {match[1]}")
        tests.append((match[1], match[2] != "!=", match[3]))
    return lambda item: all((_field(item, path) == value) == same for path, same, value in tests)


def _field(item: Object, path: str) -> str:
    if path == "source" and "involvedObject" in item:
        return item.get("source", {}).get("component") or item.get("reportingComponent", "")
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if path == "status.successful":
        value = item.get("status", {}).get("succeeded", 0)
    if path in ("spec.unschedulable", "spec.hostNetwork"):
        value = bool(value)
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "0" if path == "status.replicas" else ""
    return str(value)


def matches(selector: Object | None, labels: dict[str, str]) -> bool:
    """Return whether a LabelSelector object matches; None matches nothing, {} everything."""
    if selector is None:
        return False
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for term in selector.get("matchExpressions") or []:
        key, operator, values = term["key"], term["operator"], term.get("values") or []
        holds = {
            "In": key in labels and labels[key] in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not holds:
            return False
    return True
