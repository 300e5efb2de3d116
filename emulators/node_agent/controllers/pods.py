"""Pods out of templates, as every workload controller makes them."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from .. import objects
from ..client import ApiError
from ..cluster import Cluster
from ..objects import Object


def without_empty(value: Any) -> Any:
    """The value without fields that are null or empty: whether they are there means nothing."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


def template_hash(template: Object) -> str:
    """A short name for a pod template, of letters that make no words."""
    text = json.dumps(without_empty(template), sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    letters = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(letters[byte % len(letters)] for byte in digest[:10])


def create(
    cluster: Cluster,
    owner: Object,
    labels: dict[str, str] | None = None,
    name: str = "",
    spec: Object | None = None,
) -> None:
    """Create a pod of the owner's template, with more labels and with spec fields replaced."""
    template = copy.deepcopy(owner["spec"]["template"])
    metadata = template.get("metadata") or {}
    named = {"name": name} if name else {"generateName": f"{objects.name(owner)}-"}
    pod = {
        "metadata": {
            **named,
            "namespace": objects.namespace(owner),
            "labels": {**(metadata.get("labels") or {}), **(labels or {})},
            "annotations": metadata.get("annotations") or {},
            "ownerReferences": [objects.owner_reference(owner)],
        },
        "spec": {**template["spec"], **(spec or {})},
    }
    try:
        created = cluster.create("Pod", pod)
    except ApiError as error:
        cluster.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
        raise
    message = f"Created pod: {objects.name(created)}"
    cluster.event(owner, "Normal", "SuccessfulCreate", message)


def delete(cluster: Cluster, owner: Object, pod: Object) -> None:
    """Delete a pod of the owner's."""
    cluster.delete("Pod", pod)
    cluster.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")


def count_available(cluster: Cluster, pods: list[Object], min_ready_seconds: float) -> int:
    """How many pods have been ready for long enough; asks for a pass when the next one will be."""
    waits = [objects.available_in(pod, min_ready_seconds) for pod in pods]
    for wait in waits:
        if wait:
            cluster.wake(wait)
    return waits.count(0)
