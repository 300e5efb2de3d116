"""JSON patch, JSON merge patch and strategic merge patch.

Every function returns a new object and leaves its arguments as they are.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import jsonpatch

from .. import schema
from ..errors import ApiError, bad_request
from ..schema import Schema

_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"


def json_patch(target: Any, operations: Any) -> Any:
    """Apply an RFC 6902 patch; 400 when it is none, 422 when it does not apply."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    try:
        return jsonpatch.JsonPatch(operations).apply(deepcopy(target))
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(f"error decoding patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message) from error


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply an RFC 7386 patch: null deletes a key, a list replaces a list."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(target: Any, patch: Any, node: Schema) -> Any:
    """Apply a strategic merge patch to an object whose schema is `node`.

    Lists with the patch strategy `merge` are merged by their merge key, or as sets where they
    hold scalars. The directives `$patch`, `$retainKeys`, `$setElementOrder/<list>` and
    `$deleteFromPrimitiveList/<list>` are obeyed.
    """
    node = schema.resolve(node)
    if patch.get("$patch") == "delete":
        return {}
    base = target if isinstance(target, dict) and patch.get("$patch") != "replace" else {}
    result = dict(base)
    if (kept := patch.get("$retainKeys")) is not None:
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            result[name] = [item for item in result.get(name, []) if item not in value]
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
            continue
        child = schema.field(node, key) or {}
        if isinstance(value, dict):
            result[key] = strategic_merge(result.get(key), value, child)
        elif isinstance(value, list):
            order = patch.get(_ORDER + key)
            result[key] = _merge_list(result.get(key) or [], value, child, order)
        else:
            result[key] = value
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name in result and name not in patch:
            result[name] = _merge_list(result[name], [], schema.field(node, name) or {}, order)
    return result


def _merge_list(old: list[Any], new: list[Any], node: Schema, order: list[Any] | None) -> list[Any]:
    """Merge a list whose schema is `node`; `order` is the wanted order of its items."""
    strategy = node.get("x-kubernetes-patch-strategy", "").split(",")
    if "merge" not in strategy:
        return [item for item in new if item is not None]
    key = node.get("x-kubernetes-patch-merge-key")
    if key is None:
        merged = old + [item for item in new if item not in old]
        return _ordered(merged, new if order is None else order, old)
    if any(item.get("$patch") == "replace" for item in new):
        return [item for item in new if "$patch" not in item]
    result = list(old)
    for item in new:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        index = next((i for i, was in enumerate(result) if was.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [was for was in result if was.get(key) != item[key]]
        elif index is None:
            result.append(strategic_merge({}, item, node["items"]))
        else:
            result[index] = strategic_merge(result[index], item, node["items"])
    wanted = [entry[key] for entry in (new if order is None else order)]
    items = {item[key]: item for item in result}
    return [items[name] for name in _ordered(list(items), wanted, [was[key] for was in old])]


def _ordered(merged: list[Any], wanted: list[Any], old: list[Any]) -> list[Any]:
    """Put merged items in the order of the patch, `wanted`, and of the list before, `old`.

    An item that `wanted` names comes before the first other item that it preceded in `old`, and
    before all others if it was not there.
    """
    named = [item for item in wanted if item in merged]
    others = [item for item in merged if item not in named]
    result = []
    while named and others:
        first = named[0] not in old or old.index(named[0]) < old.index(others[0])
        result.append((named if first else others).pop(0))
    return result + named + others
