"""The object store: one map per resource, one revision counter, and a log of changes to watch.

Objects are never changed in place: a change stores a new object. So readers need no copies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from threading import Condition, RLock
from typing import Any, NamedTuple

from ..errors import expired

Object = dict[str, Any]
Key = tuple[str, str]

LOG_LENGTH = 4096


class Change(NamedTuple):
    """One change of an object; `previous` is None when it was added."""

    revision: int
    type: str
    object: Object
    previous: Object | None


class _Log:
    """The newest changes of one resource."""

    def __init__(self, lock: RLock, floor: int):
        self.changed = Condition(lock)
        self.changes: deque[Change] = deque(maxlen=LOG_LENGTH)
        self.floor = floor  # Changes up to this revision are forgotten.

    def append(self, change: Change) -> None:
        if len(self.changes) == LOG_LENGTH:
            self.floor = self.changes[0].revision
        self.changes.append(change)
        self.changed.notify_all()


class Store:
    """All objects, by resource and (namespace, name). Hold `lock` from read to write."""

    def __init__(self) -> None:
        self.lock = RLock()
        # Starts at the clock, so that a client of an earlier run finds its revision expired.
        self.revision = int(time.time())
        self._start = self.revision
        self._objects: dict[Key, dict[tuple[str, str], Object]] = {}
        self._logs: dict[Key, _Log] = {}
        self.any_change = Condition(self.lock)

    def get(self, key: Key, namespace: str, name: str) -> Object | None:
        """Return an object, or None."""
        return self._objects.get(key, {}).get((namespace, name))

    def objects(self, key: Key, namespace: str = "") -> list[Object]:
        """Return the objects of a resource, of one namespace if given, in order of name."""
        with self.lock:
            rows = sorted(self._objects.get(key, {}).items(), key=lambda row: row[0])
        return [item for (where, _), item in rows if not namespace or where == namespace]

    def put(self, key: Key, item: Object) -> Object:
        """Store an object under its name and return it with its new resource version."""
        with self.lock:
            slot = _slot(item)
            objects = self._objects.setdefault(key, {})
            previous = objects.get(slot)
            item = self._stamped(item)
            objects[slot] = item
            self._announce(key, "MODIFIED" if previous else "ADDED", item, previous)
            return item

    def remove(self, key: Key, item: Object) -> Object:
        """Remove an object and return its last state."""
        with self.lock:
            previous = self._objects[key].pop(_slot(item))
            item = self._stamped(item)
            self._announce(key, "DELETED", item, previous)
            return item

    def changes(self, key: Key, after: int, timeout: float) -> list[Change]:
        """Return the changes after a revision, waiting up to `timeout` seconds for one.

        Raises ApiError 410 when changes after that revision are already forgotten, or when it is
        an earlier run's, whose clock was ahead.
        """
        with self.lock:
            log = self._log(key)
            if after < log.floor:
                raise expired(f"too old resource version: {after} ({log.floor})")
            if after > self.revision:
                raise expired(f"too large resource version: {after} ({self.revision})")
            newer = list(_newer(log, after))
            if not newer and timeout > 0:
                log.changed.wait(timeout)
                newer = list(_newer(log, after))
            return newer

    def _log(self, key: Key) -> _Log:
        return self._logs.setdefault(key, _Log(self.lock, self._start))

    def _stamped(self, item: Object) -> Object:
        self.revision += 1
        return item | {"metadata": item["metadata"] | {"resourceVersion": str(self.revision)}}

    def _announce(self, key: Key, kind: str, item: Object, previous: Object | None) -> None:
        self._log(key).append(Change(self.revision, kind, item, previous))
        self.any_change.notify_all()


def _slot(item: Object) -> tuple[str, str]:
    return (item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _newer(log: _Log, after: int) -> Iterator[Change]:
    """Yield the changes after a revision, oldest first, reading the log from its end."""
    found: list[Change] = []
    for change in reversed(log.changes):
        if change.revision <= after:
            break
        found.append(change)
    return reversed(found)
