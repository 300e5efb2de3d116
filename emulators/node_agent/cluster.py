"""The watched objects as last seen, and writes, whose answers are taken into the cache at once."""

from __future__ import annotations

import copy
import logging
import math
import threading
import uuid

from . import objects
from .client import MERGE_PATCH, STRATEGIC_PATCH, ApiError, Client, Resource
from .objects import Object

log = logging.getLogger(__name__)

RESOURCES = {
    "Namespace": Resource("v1", "namespaces", namespaced=False),
    "Node": Resource("v1", "nodes", namespaced=False),
    "ConfigMap": Resource("v1", "configmaps"),
    "Secret": Resource("v1", "secrets"),
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "Service": Resource("v1", "services"),
    "Endpoints": Resource("v1", "endpoints"),
    "PersistentVolumeClaim": Resource("v1", "persistentvolumeclaims"),
    "Pod": Resource("v1", "pods"),
    "EndpointSlice": Resource("discovery.k8s.io/v1", "endpointslices"),
    "Deployment": Resource("apps/v1", "deployments"),
    "ReplicaSet": Resource("apps/v1", "replicasets"),
    "StatefulSet": Resource("apps/v1", "statefulsets"),
    "DaemonSet": Resource("apps/v1", "daemonsets"),
    "Job": Resource("batch/v1", "jobs"),
}
EVENTS = Resource("v1", "events")
COMPONENT = "cluster-agent"

Key = tuple[str, str]


def newer(obj: Object, known: Object) -> bool:
    """Whether the object is another one of that name, or a later version."""
    same = objects.uid(obj) == objects.uid(known)
    return not same or objects.version(obj) > objects.version(known)


class Cluster:
    """Cache of the watched kinds. Cached objects are never changed in place.

    Only the reconciling thread applies events; any thread may read, patch pods and record events.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._cache: dict[str, dict[Key, Object]] = {kind: {} for kind in RESOURCES}
        self._events: dict[tuple[str, str, str], Object] = {}
        self._events_lock = threading.Lock()
        self._wake = math.inf

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One cached object, or None."""
        return self._cache[kind].get((namespace, name))

    def select(self, kind: str, namespace: str | None = None) -> list[Object]:
        """The cached objects of a kind, of one namespace or of all, oldest first."""
        found = [
            obj
            for (where, _), obj in list(self._cache[kind].items())
            if namespace is None or where == namespace
        ]
        return sorted(found, key=lambda o: (o["metadata"]["creationTimestamp"], objects.name(o)))

    def owned(self, kind: str, owner: Object) -> list[Object]:
        """The cached objects of a kind which ``owner`` controls, oldest first."""
        return [
            obj
            for obj in self.select(kind, objects.namespace(owner))
            if (ref := objects.controller(obj)) and ref["uid"] == objects.uid(owner)
        ]

    def apply(self, kind: str, change: str, data: Object) -> None:
        """Take a watch event, or a whole list, into the cache.

        What a write has brought into the cache is never replaced by something older.
        """
        cache = self._cache[kind]
        if change == "LIST":
            known = dict(cache)
            cache.clear()
            for item in data["items"]:
                before = known.get((objects.namespace(item), objects.name(item)))
                self._keep(kind, before if before and not newer(item, before) else item)
            return
        key = (objects.namespace(data), objects.name(data))
        if change == "DELETED":
            if key in cache and objects.uid(cache[key]) == objects.uid(data):
                del cache[key]
        elif key not in cache or newer(data, cache[key]):
            self._keep(kind, data)

    def _keep(self, kind: str, obj: Object) -> Object:
        obj = {"apiVersion": RESOURCES[kind].api_version, "kind": kind, **obj}
        self._cache[kind][objects.namespace(obj), objects.name(obj)] = obj
        return obj

    def create(self, kind: str, obj: Object) -> Object:
        """Create an object."""
        path = RESOURCES[kind].path(objects.namespace(obj))
        resource = {"apiVersion": RESOURCES[kind].api_version, "kind": kind, **obj}
        return self._keep(kind, self.client.request("POST", path, resource))

    def patch(self, kind: str, obj: Object, patch: Object, subresource: str = "") -> Object:
        """Merge ``patch`` into an object."""
        path = RESOURCES[kind].path(objects.namespace(obj), objects.name(obj), subresource)
        return self._keep(kind, self.client.request("PATCH", path, patch, MERGE_PATCH))

    def update_status(self, kind: str, obj: Object, status: Object) -> None:
        """Write the fields of the status which differ; zero and absent are the same."""
        current = obj.get("status", {})
        changed = {k: v for k, v in status.items() if (current.get(k) or None) != (v or None)}
        if changed:
            self.patch(kind, obj, {"status": changed}, "status")

    def delete(self, kind: str, obj: Object) -> None:
        """Ask for an object's deletion; it counts as terminating until the server reports it."""
        if objects.terminating(obj):
            return
        path = RESOURCES[kind].path(objects.namespace(obj), objects.name(obj))
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": objects.uid(obj)},
        }
        self.client.request("DELETE", path, options)
        going = copy.deepcopy(obj)
        going["metadata"]["deletionTimestamp"] = objects.utcnow()
        self._keep(kind, going)

    def bind(self, pod: Object, node: str) -> None:
        """Place a pod on a node."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": objects.name(pod), "namespace": objects.namespace(pod)},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = RESOURCES["Pod"].path(objects.namespace(pod), objects.name(pod), "binding")
        self.client.request("POST", path, binding)
        self._keep("Pod", {**pod, "spec": {**pod["spec"], "nodeName": node}})

    def patch_pod(self, pod: Object, patch: Object, subresource: str = "") -> None:
        """Strategically merge ``patch`` into a pod: conditions of other writers stay."""
        path = RESOURCES["Pod"].path(objects.namespace(pod), objects.name(pod), subresource)
        body = {**patch, "metadata": {"uid": objects.uid(pod), **patch.get("metadata", {})}}
        self.client.request("PATCH", path, body, STRATEGIC_PATCH)

    def remove_pod(self, pod: Object) -> None:
        """Remove a pod whose processes have ended."""
        path = RESOURCES["Pod"].path(objects.namespace(pod), objects.name(pod))
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": objects.uid(pod)},
        }
        self.client.request("DELETE", path, options)

    def event(self, obj: Object, kind: str, reason: str, message: str) -> None:
        """Record an Event ("Normal" or "Warning"); the same event again only raises its count."""
        key = (objects.uid(obj), reason, message)
        now = objects.utcnow()
        with self._events_lock:
            known = self._events.get(key)
            count = known["count"] + 1 if known else 1
            event = known or self._new_event(obj, kind, reason, message, now)
            self._events[key] = {**event, "count": count}
            while len(self._events) > 1000:
                self._events.pop(next(iter(self._events)))
        where = objects.namespace(event)
        try:
            if known:
                path = EVENTS.path(where, objects.name(event))
                patch = {"count": count, "lastTimestamp": now}
                self.client.request("PATCH", path, patch, MERGE_PATCH)
            else:
                self.client.request("POST", EVENTS.path(where), event)
        except ApiError as error:
            with self._events_lock:
                self._events.pop(key, None)
            log.warning("event %s of %s: %s", reason, objects.name(obj), error)

    @staticmethod
    def _new_event(obj: Object, kind: str, reason: str, message: str, now: str) -> Object:
        where = objects.namespace(obj) or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{objects.name(obj)}.{uuid.uuid4().hex[:16]}",
                "namespace": where,
            },
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": objects.name(obj),
                "namespace": objects.namespace(obj),
                "uid": objects.uid(obj),
            },
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": COMPONENT},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def wake(self, seconds: float) -> None:
        """Ask for another pass at the latest after that time."""
        self._wake = min(self._wake, seconds)

    def next_wake(self) -> float | None:
        """Seconds until the next pass is due, None when nothing waits for time to go by."""
        due, self._wake = self._wake, math.inf
        return None if due == math.inf else due
