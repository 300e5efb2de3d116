"""What a DELETE makes of an object: gone at once, or marked until nothing holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import FieldError, invalid_options
from ..kinds import has_generation
from ..resources import Resource
from ..storage.selectors import number

Object = dict[str, Any]

_POLICIES = {"": None, "Background": "", "Orphan": "orphan", "Foreground": "foregroundDeletion"}
# Kinds whose DELETE answers with the object; for all others it is a Status.
_RETURNED = {
    "PersistentVolumeClaim",
    "Pod",
    "Service",
    "ServiceAccount",
}


@dataclass
class DeleteOptions:
    """How to delete: grace in seconds (None: the kind's default), what becomes of dependents."""

    grace: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False

    @staticmethod
    def parse(body: Object, query: dict[str, str]) -> DeleteOptions:
        """Read a DeleteOptions body; query parameters say what the body does not."""
        grace = body.get("gracePeriodSeconds")
        if grace is None and "gracePeriodSeconds" in query:
            grace = number(query, "gracePeriodSeconds")
        propagation = body.get("propagationPolicy") or query.get("propagationPolicy", "")
        orphan = body.get("orphanDependents") or query.get("orphanDependents") == "true"
        propagation = propagation or ("Orphan" if orphan else "")
        if propagation not in _POLICIES:
            names = ("Foreground", "Background", "Orphan", "nil")
            error = FieldError.unsupported("propagationPolicy", propagation, names)
            raise invalid_options("DeleteOptions", error)
        preconditions = body.get("preconditions") or {}
        return DeleteOptions(
            grace=grace,
            propagation=propagation,
            uid=preconditions.get("uid", ""),
            resource_version=preconditions.get("resourceVersion", ""),
            dry_run=bool(body.get("dryRun")) or "dryRun" in query,
        )


def marked(
    resource: Resource, item: Object, options: DeleteOptions, timestamp: Callable[[float], str]
) -> Object:
    """Return an object with the deletion time, grace and finalizers that a DELETE gives it.

    `timestamp` returns the time that many seconds from now. Only pods have a grace period, and
    only once they are on a node and have not ended.
    """
    meta = dict(item["metadata"])
    grace = 0
    if resource.key == ("", "pods"):
        spec = item["spec"]
        ended = item["status"].get("phase") in ("Succeeded", "Failed")
        if spec.get("nodeName") and not ended:
            default = spec.get("terminationGracePeriodSeconds", 30)
            grace = default if options.grace is None else options.grace
    before = meta.get("deletionGracePeriodSeconds", grace)
    if "deletionTimestamp" not in meta or grace < before:
        meta |= {"deletionTimestamp": timestamp(grace), "deletionGracePeriodSeconds": grace}
    finalizer = _POLICIES[options.propagation]
    if finalizer is not None:
        kept = [name for name in meta.pop("finalizers", []) if name not in _POLICIES.values()]
        if kept or finalizer:
            meta["finalizers"] = kept + ([finalizer] if finalizer else [])
    if has_generation(resource, item) and "deletionTimestamp" not in item["metadata"]:
        meta["generation"] = meta.get("generation", 0) + 1
    result = item | {"metadata": meta}
    if resource.kind == "Namespace":
        result["status"] = item["status"] | {"phase": "Terminating"}
    return result


def may_go(resource: Resource, item: Object) -> bool:
    """Return whether nothing holds an object that is marked for deletion."""
    meta = item["metadata"]
    if meta.get("finalizers") or meta.get("deletionGracePeriodSeconds", 0) > 0:
        return False
    return not (resource.kind == "Namespace" and item["spec"].get("finalizers"))


def answer(resource: Resource, item: Object) -> Object:
    """Return the body of the answer to a DELETE that removed an object."""
    if resource.kind in _RETURNED:
        return item
    group = {"group": resource.group} if resource.group else {}
    meta = item["metadata"]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": meta["name"], **group, "kind": resource.plural, "uid": meta["uid"]},
    }
