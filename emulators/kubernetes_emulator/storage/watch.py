"""Watches: the changes of the selected objects, as they happen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ..api import Api, served
from ..errors import ApiError
from ..resources import Resource
from .selectors import Predicate, number
from .store import Change

Object = dict[str, Any]

BOOKMARK_SECONDS = 30.0


def events(
    api: Api, resource: Resource, namespace: str, selected: Predicate, query: dict[str, str]
) -> Iterator[tuple[str, Object]]:
    """Return type and object of every event until `timeoutSeconds` are over.

    Without a resourceVersion, or with `sendInitialEvents`, the objects that exist come first.
    """
    deadline = time.monotonic() + (number(query, "timeoutSeconds") or 1800)
    since = number(query, "resourceVersion")
    found: list[tuple[str, Object]] = []
    initial = query.get("sendInitialEvents") == "true"
    if not since or initial:
        items, since = api.select(resource, namespace, selected)
        found = [("ADDED", item) for item in items]
        if initial:
            found.append(_bookmark(resource, since, {"k8s.io/initial-events-end": "true"}))
    bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
    changes = _changes(api, resource, namespace, selected, since, deadline, bookmarks)
    return chain(found, changes)


def _changes(
    api: Api,
    resource: Resource,
    namespace: str,
    selected: Predicate,
    revision: int,
    deadline: float,
    bookmarks: bool,
) -> Iterator[tuple[str, Object]]:
    next_bookmark = time.monotonic() + BOOKMARK_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            changes = api.store.changes(resource.key, revision, min(left, BOOKMARK_SECONDS))
        except ApiError as error:
            yield "ERROR", error.status()
            return
        for change in changes:
            revision = change.revision
            if kind := _seen(change, namespace, selected):
                yield kind, served(resource, change.object)
        if bookmarks and time.monotonic() > next_bookmark:
            next_bookmark = time.monotonic() + BOOKMARK_SECONDS
            yield _bookmark(resource, revision, {})


def _seen(change: Change, namespace: str, selected: Predicate) -> str:
    """Return the type of event that a watcher sees of a change; empty for none.

    An object that comes to match the selector is added for the watcher, and one that no longer
    matches is deleted.
    """
    if namespace and change.object["metadata"].get("namespace") != namespace:
        return ""
    before = change.previous is not None and selected(change.previous)
    now = change.type != "DELETED" and selected(change.object)
    if before and not now:
        return "DELETED"
    if now:
        return "MODIFIED" if before else "ADDED"
    return ""


def _bookmark(resource: Resource, revision: int, annotations: Object) -> tuple[str, Object]:
    meta: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        meta["annotations"] = annotations
    return "BOOKMARK", {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": meta,
    }
