"""Garbage collection of dependents whose owners are gone, among the watched kinds."""

from __future__ import annotations

from .. import objects
from ..client import ApiError
from ..cluster import RESOURCES, Cluster
from ..objects import Object

COLLECTED = [kind for kind in RESOURCES if kind not in ("Namespace", "Node")]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


def reconcile(cluster: Cluster, obj: Object) -> None:
    """Delete an object without an owner left; see an owner's deletion through as it was asked."""
    references = obj["metadata"].get("ownerReferences") or []
    if objects.terminating(obj):
        finalizers = obj["metadata"].get("finalizers") or []
        if FOREGROUND in finalizers or ORPHAN in finalizers:
            release(cluster, obj, finalizers)
    elif references and not any(owner_stays(cluster, obj, ref) for ref in references):
        cluster.delete(obj["kind"], obj)


def owner_stays(cluster: Cluster, obj: Object, reference: Object) -> bool:
    """Whether the owner exists and keeps its dependents; asks the server before saying no."""
    kind = reference["kind"]
    if kind not in RESOURCES or RESOURCES[kind].api_version != reference["apiVersion"]:
        return True
    where = objects.namespace(obj) if RESOURCES[kind].namespaced else ""
    owner = cluster.get(kind, where, reference["name"])
    if owner is None or objects.uid(owner) != reference["uid"]:
        try:
            path = RESOURCES[kind].path(where, reference["name"])
            owner = cluster.client.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
    going = objects.terminating(owner) and FOREGROUND in (owner["metadata"].get("finalizers") or [])
    return objects.uid(owner) == reference["uid"] and not going


def release(cluster: Cluster, owner: Object, finalizers: list[str]) -> None:
    """Let an owner go: at once when its dependents are to stay, else after the last of them."""
    dependents = [
        obj
        for kind in COLLECTED
        for obj in cluster.select(kind, objects.namespace(owner))
        if any(
            ref["uid"] == objects.uid(owner) for ref in obj["metadata"].get("ownerReferences") or []
        )
    ]
    if ORPHAN in finalizers:
        for obj in dependents:
            others = [
                ref
                for ref in obj["metadata"]["ownerReferences"]
                if ref["uid"] != objects.uid(owner)
            ]
            cluster.patch(obj["kind"], obj, {"metadata": {"ownerReferences": others or None}})
    elif dependents:
        return
    rest = [entry for entry in finalizers if entry not in (FOREGROUND, ORPHAN)]
    cluster.patch(owner["kind"], owner, {"metadata": {"finalizers": rest or None}})
