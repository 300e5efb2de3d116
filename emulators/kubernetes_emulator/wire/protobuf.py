"""Protobuf request bodies, for the few kinds that clients send so (helm's release Secrets).

A body is the four bytes `k8s\\0`, then a `runtime.Unknown` message that holds the object. The
table below has the field numbers of the published `generated.proto` files. Nothing is dropped
silently: a value for which the table has no field is refused.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ..errors import bad_request, out_of_scope

MAGIC = b"k8s\x00"

# Per message: JSON name = field number, and a type where it is not `string`. `[x]` is a list of x,
# `{x}` a map of strings to x, a word with a capital another message. An `int-` is written by Go
# even when it is not set, so its zero means nothing.
_TABLE = """
Time            seconds=1:int nanos=2:int
FieldsV1        Raw=1:bytes
OwnerReference  kind=1 name=3 uid=4 apiVersion=5 controller=6:bool blockOwnerDeletion=7:bool
ManagedFieldsEntry  manager=1 operation=2 apiVersion=3 time=4:Time fieldsType=6
                fieldsV1=7:FieldsV1 subresource=8
ObjectMeta      name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6
                generation=7:int- creationTimestamp=8:Time deletionTimestamp=9:Time
                deletionGracePeriodSeconds=10:int labels=11:{string} annotations=12:{string}
                ownerReferences=13:[OwnerReference] finalizers=14:[string]
                managedFields=17:[ManagedFieldsEntry]
Preconditions   uid=1 resourceVersion=2
DeleteOptions   gracePeriodSeconds=1:int preconditions=2:Preconditions orphanDependents=3:bool
                propagationPolicy=4 dryRun=5:[string]
Secret          metadata=1:ObjectMeta data=2:{bytes} type=3 stringData=4:{string} immutable=5:bool
ConfigMap       metadata=1:ObjectMeta data=2:{string} binaryData=3:{bytes} immutable=4:bool
NamespaceSpec   finalizers=1:[string]
Namespace       metadata=1:ObjectMeta spec=2:NamespaceSpec
ObjectReference kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7
LocalObjectReference  name=1
ServiceAccount  metadata=1:ObjectMeta secrets=2:[ObjectReference]
                imagePullSecrets=3:[LocalObjectReference] automountServiceAccountToken=4:bool
Eviction        metadata=1:ObjectMeta deleteOptions=2:DeleteOptions
"""

Fields = dict[int, tuple[str, str]]


def _parse(table: str) -> dict[str, Fields]:
    messages: dict[str, Fields] = {}
    for word in table.split():
        name, _, rest = word.partition("=")
        if not rest:
            fields = messages.setdefault(name, {})
            continue
        number, _, kind = rest.partition(":")
        fields[int(number)] = (name, kind or "string")
    return messages


_MESSAGES = _parse(_TABLE)


def decode(body: bytes) -> dict[str, Any]:
    """Return the object of a protobuf body; 501 for what the table does not know."""
    if not body.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message")
    try:
        envelope = dict(_wire(body[len(MAGIC) :]))
        head = {number: value.decode() for number, value in _wire(envelope[1])}
        return {"apiVersion": head[1], "kind": head[2]} | _message(envelope.get(2, b""), head[2])
    except (LookupError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise bad_request(f"cannot decode the protobuf body: {error}") from error


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield field number and raw value (int or bytes) of every field of a message."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while position < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        if kind not in (1, 2, 5) or position + size > len(data):
            raise IndexError("truncated message")
        yield tag >> 3, data[position : position + size]
        position += size


def _message(data: bytes, name: str) -> Any:
    """Return the JSON form of a message."""
    if name not in _MESSAGES:
        raise out_of_scope(f"protobuf bodies with {name}")
    result: dict[str, Any] = {}
    for number, raw in _wire(data):
        if number not in _MESSAGES[name]:
            if not _is_empty(raw):
                raise out_of_scope(f"protobuf bodies with field {number} of {name}")
            continue
        key, kind = _MESSAGES[name][number]
        if kind.startswith("["):
            result.setdefault(key, []).append(_value(raw, kind[1:-1]))
        elif kind.startswith("{"):
            entry = dict(_wire(raw))
            value = _value(entry.get(2, b""), kind[1:-1])
            result.setdefault(key, {})[entry.get(1, b"").decode()] = value
        elif raw or not kind.endswith("-"):
            result[key] = _value(raw, kind.removesuffix("-"))
    return _SPECIAL[name](result) if name in _SPECIAL else _without_empty(result)


def _value(raw: Any, kind: str) -> Any:
    match kind:
        case "string":
            return raw.decode()
        case "bytes":
            return b64encode(raw).decode()
        case "bool":
            return bool(raw)
        case "int":
            return raw - (1 << 64) if raw >= 1 << 63 else raw
    return _message(raw, kind)


def _is_empty(raw: Any) -> bool:
    """Return whether a value is zero, or a message in which every value is empty."""
    if not raw or isinstance(raw, int):
        return not raw
    try:
        return all(_is_empty(value) for _, value in _wire(raw))
    except IndexError:
        return False


def _without_empty(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object without the strings and messages that Go writes empty."""
    return {key: value for key, value in item.items() if value not in ("", {}, None)}


def _time(item: dict[str, Any]) -> str | None:
    when = datetime.fromtimestamp(item.get("seconds", 0), UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if item else None


# Messages whose JSON form is not an object of their fields.
_SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "Time": _time,
    "FieldsV1": lambda item: json.loads(b64decode(item["Raw"])),
}
