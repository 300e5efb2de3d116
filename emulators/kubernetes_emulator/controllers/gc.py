"""Garbage collection, which on a real cluster is work of the kube-controller-manager.

Rules, applied by one thread after every change that can matter to them: an object whose
owners are all gone is deleted; a finalizer `orphan` or `foregroundDeletion` is carried out; a
namespace that is being deleted is emptied, then let go. Every namespace also gets its
`default` ServiceAccount here, without which no pod can be created in it, and Events are
forgotten after an hour.
"""

from __future__ import annotations

import logging
from threading import Thread
from typing import Any

from ..api import Api, Options, timestamp
from ..errors import ApiError
from ..resources import Resource
from ..validation.admission import NAMESPACES
from ..writes.deletion import DeleteOptions

Object = dict[str, Any]

_EVENTS = ("", "events")
_EVENT_SECONDS = 3600
_ACCOUNTS = ("", "serviceaccounts")
_LOG = logging.getLogger(__name__)


class GarbageCollector(Thread):
    """Sweeps after changes; `sweep` alone does one full round and is what tests call."""

    def __init__(self, api: Api):
        super().__init__(name="garbage-collector", daemon=True)
        self._api = api
        self._store = api.store

    def run(self) -> None:
        """Sweep for ever, whenever the store has changed."""
        seen = 0
        while True:
            with self._store.lock:
                while self._store.revision == seen:
                    self._store.any_change.wait()
                seen = self._store.revision
            try:
                self.sweep()
            except ApiError:
                _LOG.exception("garbage collection failed; it is tried again after the next change")

    def sweep(self) -> None:
        """Apply every rule once to every object."""
        with self._store.lock:
            rows = [
                (resource, item)
                for resource in self._api.registry.stored()
                for item in self._store.objects(resource.key)
            ]
            live = {item["metadata"]["uid"]: item for _, item in rows}
            dependents: dict[str, list[tuple[Resource, Object]]] = {}
            for resource, item in rows:
                for owner in item["metadata"].get("ownerReferences", []):
                    dependents.setdefault(owner["uid"], []).append((resource, item))
            for resource, item in rows:
                self._collect(resource, item, live)
                self._finalize(resource, item, dependents.get(item["metadata"]["uid"], []))
            for namespace in self._store.objects(NAMESPACES):
                self._namespace(namespace)
            oldest = timestamp(-_EVENT_SECONDS)
            for event in self._store.objects(_EVENTS):
                if event["metadata"]["creationTimestamp"] < oldest:
                    self._store.remove(_EVENTS, event)

    def _collect(self, resource: Resource, item: Object, live: dict[str, Object]) -> None:
        """Delete an object whose owners are gone, or are waiting for their dependents to go."""
        meta = item["metadata"]
        owners = meta.get("ownerReferences", [])
        if not owners or "deletionTimestamp" in meta:
            return
        found = [live[owner["uid"]]["metadata"] for owner in owners if owner["uid"] in live]
        waiting = [owner for owner in found if "foregroundDeletion" in owner.get("finalizers", [])]
        if len(found) == len(waiting):
            self._delete(resource, item, "Foreground" if waiting else "Background")

    def _finalize(
        self, resource: Resource, item: Object, dependents: list[tuple[Resource, Object]]
    ) -> None:
        """Carry out the finalizers that deletion policies set."""
        meta = item["metadata"]
        finalizers = meta.get("finalizers", [])
        if "deletionTimestamp" not in meta:
            return
        if "orphan" in finalizers:
            for kind, dependent in dependents:
                owners = dependent["metadata"]["ownerReferences"]
                rest = [owner for owner in owners if owner["uid"] != meta["uid"]]
                self._change(kind, dependent, {"ownerReferences": rest})
            self._change(resource, item, {"finalizers": [f for f in finalizers if f != "orphan"]})
        elif "foregroundDeletion" in finalizers and not any(
            owner["uid"] == meta["uid"] and owner.get("blockOwnerDeletion")
            for _, dependent in dependents
            for owner in dependent["metadata"]["ownerReferences"]
        ):
            rest = [name for name in finalizers if name != "foregroundDeletion"]
            self._change(resource, item, {"finalizers": rest})

    def _namespace(self, namespace: Object) -> None:
        meta = namespace["metadata"]
        name = meta["name"]
        if "deletionTimestamp" not in meta:
            if not self._store.get(_ACCOUNTS, name, "default"):
                account = {"metadata": {"name": "default"}}
                resource = self._resource(_ACCOUNTS)
                self._api.create(
                    resource, name, account, Options(manager="kube-controller-manager")
                )
            return
        empty = True
        for resource in self._api.registry.stored():
            for item in self._store.objects(resource.key, name) if resource.namespaced else []:
                if "deletionTimestamp" not in item["metadata"]:
                    self._delete(resource, item, "Background")
                empty = empty and not self._store.get(resource.key, name, item["metadata"]["name"])
        if empty and namespace["spec"].get("finalizers"):
            self._change(self._resource(NAMESPACES), namespace, {}, {"spec": {}})

    def _resource(self, key: tuple[str, str]) -> Resource:
        return next(r for r in self._api.registry.stored() if r.key == key)

    def _delete(self, resource: Resource, item: Object, propagation: str) -> None:
        meta = item["metadata"]
        options = DeleteOptions(propagation=propagation, uid=meta["uid"])
        try:
            self._api.delete(resource, meta.get("namespace", ""), meta["name"], options)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _change(
        self, resource: Resource, item: Object, meta: Object, rest: Object | None = None
    ) -> None:
        """Store an object, if it still exists, with changed metadata ([] removes a field)."""
        where = item["metadata"].get("namespace", "")
        current = self._store.get(resource.key, where, item["metadata"]["name"])
        if current and current["metadata"]["uid"] == item["metadata"]["uid"]:
            merged = {k: v for k, v in (current["metadata"] | meta).items() if v != []}
            self._api.keep(resource, current | {"metadata": merged} | (rest or {}))
