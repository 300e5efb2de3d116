"""Field ownership (`metadata.managedFields`) and server-side apply.

A field is named by a path of FieldsV1 keys: `f:<field>`, `k:<keys of a list item>`,
`v:<item of a set>`. A path alone names a leaf, or the existence of a list item.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .. import schema
from ..errors import ApiError
from ..schema import Schema

Object = dict[str, Any]
Path = tuple[str, ...]

_EXISTS = object()
# Fields that nobody owns: identity and bookkeeping.
_UNOWNED = {("f:apiVersion",), ("f:kind",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "uid",
        "generation",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    )
}


def _key(entry: Object) -> tuple[str, str, str, str]:
    return (
        entry["manager"],
        entry["operation"],
        entry.get("subresource", ""),
        entry["apiVersion"],
    )


def leaves(value: Any, node: Schema, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of everything in an object that can be owned."""
    node = schema.resolve(node)
    if isinstance(value, dict) and value and node.get("x-kubernetes-map-type") != "atomic":
        for name, item in value.items():
            sub = (*path, f"f:{name}")
            if sub not in _UNOWNED:
                yield from leaves(item, schema.field(node, name) or {}, sub)
    elif isinstance(value, list) and value and _list_type(node) == "map":
        for item in value:
            sub = (*path, _item_key(item, node))
            yield sub, _EXISTS
            yield from leaves(item, node["items"], sub)
    elif isinstance(value, list) and value and _list_type(node) == "set":
        for item in value:
            yield (*path, f"v:{json.dumps(item)}"), item
    elif path not in ((), ("f:metadata",)):
        yield path, value


def _list_type(node: Schema) -> str:
    declared = node.get("x-kubernetes-list-type")
    if declared or "merge" not in node.get("x-kubernetes-patch-strategy", "").split(","):
        return declared or "atomic"
    return "map" if "x-kubernetes-patch-merge-key" in node else "set"


def _item_key(item: Object, node: Schema) -> str:
    names = node.get("x-kubernetes-list-map-keys") or [node["x-kubernetes-patch-merge-key"]]
    properties = schema.resolve(node["items"]).get("properties", {})
    keys = {name: item.get(name, properties.get(name, {}).get("default")) for name in names}
    given = {name: value for name, value in sorted(keys.items()) if value is not None}
    return "k:" + json.dumps(given, separators=(",", ":"))


def to_fields(paths: set[Path]) -> Object:
    """Return the FieldsV1 object of a set of paths."""
    root: Object = {}
    for path in sorted(paths):
        node = root
        for word in path:
            node = node.setdefault(word, {})
        if any(len(p) > len(path) and p[: len(path)] == path for p in _neighbours(paths, path)):
            node["."] = {}
    return root


def _neighbours(paths: set[Path], path: Path) -> Iterator[Path]:
    """Yield the paths that can lie below a list item; other paths have nothing below."""
    if path[-1].startswith("k:"):
        yield from paths


def from_fields(fields: Object, path: Path = ()) -> set[Path]:
    """Return the paths that a FieldsV1 object names."""
    found: set[Path] = set()
    for word, below in fields.items():
        if word == ".":
            found.add(path)
        elif not below:
            found.add((*path, word))
        else:
            found |= from_fields(below, (*path, word))
    return found


def merge(live: Any, config: Any, node: Schema) -> Any:
    """Return `live` with what `config` says, lists merged as their type in the schema says."""
    node = schema.resolve(node)
    if isinstance(live, dict) and isinstance(config, dict):
        if node.get("x-kubernetes-map-type") == "atomic":
            return config
        result = dict(live)
        for name, value in config.items():
            child = schema.field(node, name) or {}
            result[name] = merge(live[name], value, child) if name in live else value
        return result
    if isinstance(live, list) and isinstance(config, list):
        if _list_type(node) == "set":
            return config + [item for item in live if item not in config]
        if _list_type(node) == "map":
            old = {_item_key(item, node): item for item in live}
            new = {_item_key(item, node): item for item in config}
            merged = [
                merge(old[key], item, node["items"]) if key in old else item
                for key, item in new.items()
            ]
            return merged + [item for key, item in old.items() if key not in new]
    return config


def remove(value: Any, paths: set[Path], node: Schema, path: Path = ()) -> Any:
    """Return `value` without the fields and list items at `paths`; None when nothing is left."""
    node = schema.resolve(node)
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            sub = (*path, f"f:{name}")
            if sub in paths:
                continue
            rest = remove(item, paths, schema.field(node, name) or {}, sub)
            if rest is not None:
                kept[name] = rest
        return kept if kept or not value else None
    if isinstance(value, list) and _list_type(node) in ("map", "set"):
        rows = []
        for item in value:
            by_key = _list_type(node) == "map"
            sub = (*path, _item_key(item, node) if by_key else f"v:{json.dumps(item)}")
            if sub not in paths:
                rows.append(remove(item, paths, node["items"], sub) if by_key else item)
        return rows if rows or not value else None
    return value


def track_update(
    old: Object | None, new: Object, node: Schema, manager: str, subresource: str, now: str
) -> list[Object]:
    """Return the managedFields of `new` after an update: who changes a field owns it."""
    base = new["metadata"].get("managedFields")
    if base is None:
        base = (old or {"metadata": {}})["metadata"].get("managedFields", [])
    base = [entry for entry in base if entry]
    was = dict(leaves(old or {}, node))
    is_now = dict(leaves(new, node))
    changed = {path for path, value in is_now.items() if path not in was or was[path] != value}
    gone = was.keys() - is_now.keys()
    me = _entry(manager, "Update", new["apiVersion"], subresource, now, set())
    if not changed and not gone:
        return base
    rows: list[Object] = []
    mine: set[Path] = set()
    for entry in base:
        paths = from_fields(entry["fieldsV1"])
        if _key(entry) == _key(me):
            mine = paths
        elif rest := paths - changed - gone:
            rows.append(entry if rest == paths else entry | {"fieldsV1": to_fields(rest)})
    if paths := (mine - gone) | changed:
        rows.append(me | {"fieldsV1": to_fields(paths)})
    return _sorted(rows)


def apply(
    live: Object | None,
    config: Object,
    node: Schema,
    manager: str,
    subresource: str,
    force: bool,
    now: str,
) -> Object:
    """Return the object after a server-side apply of `config`, its managedFields updated.

    Raises ApiError 409 when it would change a field that another manager owns, unless `force`.
    """
    wanted = dict(leaves(config, node))
    me = _entry(manager, "Apply", config["apiVersion"], subresource, now, set(wanted))
    entries = (live or {"metadata": {}})["metadata"].get("managedFields", [])
    if live and not entries:
        everything = {path for path, _ in leaves(live, node)}
        entries = [_entry("before-first-apply", "Update", live["apiVersion"], "", now, everything)]
    current = dict(leaves(live or {}, node))
    changed = {path for path, value in wanted.items() if current.get(path, _EXISTS) != value}
    others: list[Object] = []
    last: set[Path] = set()
    conflicts: list[tuple[Object, Path]] = []
    for entry in entries:
        paths = from_fields(entry["fieldsV1"])
        if _key(entry)[:3] == _key(me)[:3]:
            last |= paths
            if paths == set(wanted):
                me = me | {"time": entry["time"]}
        else:
            conflicts += [(entry, path) for path in sorted(paths & changed)]
            if rest := paths - changed:
                others.append(entry if rest == paths else entry | {"fieldsV1": to_fields(rest)})
    if conflicts and not force:
        raise _conflict(conflicts)
    owned = set().union(*(from_fields(entry["fieldsV1"]) for entry in others))
    unwanted = {
        path
        for path in last - wanted.keys()
        if not any(other[: len(path)] == path for other in owned)
    }
    result = merge(live, config, node) if live else config
    if unwanted:
        result = remove(result, unwanted, node)
    rows = others + ([me] if wanted else [])
    return result | {"metadata": result["metadata"] | {"managedFields": _sorted(rows)}}


def _entry(
    manager: str, operation: str, api_version: str, subresource: str, now: str, paths: set[Path]
) -> Object:
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields(paths),
    }
    return entry | ({"subresource": subresource} if subresource else {})


def _sorted(entries: list[Object]) -> list[Object]:
    return sorted(entries, key=lambda e: (e["operation"], e["time"], e["manager"]))


def _conflict(conflicts: list[tuple[Object, Path]]) -> ApiError:
    """Return the 409 that names every conflicting field and its manager."""
    causes = []
    lines: dict[str, list[str]] = {}
    for entry, path in conflicts:
        by = f'conflict with "{entry["manager"]}"'
        if entry.get("subresource"):
            by += f' with subresource "{entry["subresource"]}"'
        if entry["operation"] == "Update":
            by += f" using {entry['apiVersion']}"
        field = _shown(path)
        causes.append({"reason": "FieldManagerConflict", "message": by, "field": field})
        lines.setdefault(by, []).append(field)
    if len(conflicts) == 1:
        text = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        text = "\n".join(
            by.replace("conflict ", "conflicts ", 1) + ":" + "".join(f"\n- {f}" for f in fields)
            for by, fields in sorted(lines.items())
        )
    plural = "" if len(conflicts) == 1 else "s"
    message = f"Apply failed with {len(conflicts)} conflict{plural}: {text}"
    return ApiError(409, "Conflict", message, {"causes": causes})


def _shown(path: Path) -> str:
    words = []
    for word in path:
        kind, _, text = word.partition(":")
        if kind == "f":
            words.append(f".{text}")
        elif kind == "k":
            pairs = (f"{k}={json.dumps(v)}" for k, v in json.loads(text).items())
            words.append(f"[{','.join(pairs)}]")
        else:
            words.append(f"[={text}]")
    return "".join(words)
