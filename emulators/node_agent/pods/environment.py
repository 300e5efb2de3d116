"""A container's environment, arguments and paths, as the container would see them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity

from .. import objects
from ..objects import Object

Lookup = Callable[[str, str, str], Object | None]


class ConfigError(Exception):
    """A ConfigMap, Secret or key that a container needs is missing."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace $(NAME) by the variable's value; $$ stands for $, unknown names stay."""

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", replacement, text)


def rewrite(text: str, paths: Mapping[str, str]) -> str:
    """Replace a container path by the real one, where ``text`` or what follows a = is it or below.

    >>> rewrite("--model-repository=/models/a", {"/models": "/srv/models"})
    '--model-repository=/srv/models/a'
    """
    if not paths:
        return text
    longest_first = sorted(paths, key=len, reverse=True)
    known = "|".join(re.escape(path.rstrip("/")) for path in longest_first)
    real = {path.rstrip("/"): target for path, target in paths.items()}
    return re.sub(rf"(^|=)({known})(?=/|$)", lambda found: found[1] + real[found[2]], text, count=1)


def content(lookup: Lookup, kind: str, namespace: str, source: Object) -> dict[str, bytes] | None:
    """All keys of a ConfigMap or Secret, None when it is optional and missing."""
    name = source.get("name") or source.get("secretName") or ""
    obj = lookup(kind, namespace, name)
    if obj is None:
        if source.get("optional"):
            return None
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    binary = obj.get("binaryData" if kind == "ConfigMap" else "data") or {}
    result = {key: base64.b64decode(value) for key, value in binary.items()}
    if kind == "ConfigMap":
        result |= {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return result


def field_value(pod: Object, path: str) -> str:
    """The value of a downward API field; labels and annotations as lines of key="value"."""
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if keyed:
        return str((pod["metadata"].get(keyed[1]) or {}).get(keyed[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        values = pod["metadata"].get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))
    if path in ("status.podIPs", "status.hostIPs"):
        path = path[:-1]
    value: object = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def resource_value(container: Object, reference: Object, allocatable: Mapping[str, str]) -> str:
    """A container's own limit or request (of the node's when it has none), in whole divisors."""
    kind, _, resource = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    limits, wanted = resources.get("limits") or {}, resources.get("requests") or {}
    amount = limits.get(resource) or allocatable.get(resource, "0")
    if kind == "requests":
        amount = wanted.get(resource) or limits.get(resource) or "0"
    divisor = parse_quantity(reference.get("divisor") or "1") or Decimal(1)
    return str(-int(-parse_quantity(amount) // divisor))


def resolve(
    pod: Object, container: Object, lookup: Lookup, paths: Mapping[str, str]
) -> dict[str, str]:
    """The variables of ``envFrom`` and ``env``, expanded, with container paths made real.

    Raises ConfigError when something that they refer to is missing.
    """
    namespace = objects.namespace(pod)
    node = lookup("Node", "", pod["spec"].get("nodeName", "")) or {}
    allocatable = node.get("status", {}).get("allocatable") or {}
    env: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix", "")
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in source:
                found = content(lookup, kind, namespace, source[field]) or {}
                env |= {prefix + key: value.decode() for key, value in found.items()}
    for variable in container.get("env") or []:
        source = variable.get("valueFrom")
        if not source:
            env[variable["name"]] = expand(variable.get("value", ""), env)
        elif "fieldRef" in source:
            env[variable["name"]] = field_value(pod, source["fieldRef"]["fieldPath"])
        elif "resourceFieldRef" in source:
            reference = source["resourceFieldRef"]
            env[variable["name"]] = resource_value(container, reference, allocatable)
        else:
            value = key_value(lookup, namespace, source)
            if value is not None:
                env[variable["name"]] = value
    return {key: rewrite(value, paths) for key, value in env.items()}


def key_value(lookup: Lookup, namespace: str, source: Object) -> str | None:
    """The value of a configMapKeyRef or secretKeyRef, None when it is optional and missing."""
    kind, field = "ConfigMap", "configMapKeyRef"
    if field not in source:
        kind, field = "Secret", "secretKeyRef"
    reference = source[field]
    found = content(lookup, kind, namespace, reference)
    if found is not None and reference["key"] in found:
        return found[reference["key"]].decode()
    if reference.get("optional"):
        return None
    message = f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}"
    raise ConfigError(message)
