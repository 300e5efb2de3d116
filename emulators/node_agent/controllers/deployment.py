"""Deployment: a ReplicaSet per template, and the rollout from one to the next."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from .. import objects
from ..cluster import Cluster
from ..objects import Object
from . import pods

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
NOT_INHERITED = (REVISION, "kubectl.kubernetes.io/last-applied-configuration")


@dataclass(frozen=True)
class Size:
    """A ReplicaSet's wanted and available pods."""

    replicas: int
    available: int


def rolling_limits(strategy: Object, desired: int) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers; when both come to 0, one pod may be unavailable."""
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = objects.scaled(rolling.get("maxSurge", "25%"), desired, up=True)
    unavailable = objects.scaled(rolling.get("maxUnavailable", "25%"), desired, up=False)
    return surge, unavailable if surge or unavailable else 1


def rolling_step(
    desired: int, surge: int, unavailable: int, new: Size, old: list[Size]
) -> tuple[int, list[int]]:
    """The next sizes of the new and of the old ReplicaSets (oldest first) in a rolling update.

    Never more than ``desired + surge`` pods, never fewer than ``desired - unavailable`` available
    ones. Old pods that are not available go first.
    """
    total = new.replicas + sum(size.replicas for size in old)
    grow = max(0, min(desired + surge - total, desired - new.replicas))
    least = desired - unavailable
    new_unavailable = max(0, new.replicas - new.available)
    removable = max(0, total - least - new_unavailable)
    sizes = [size.replicas for size in old]
    for index, size in enumerate(old):
        gone = min(removable, max(0, size.replicas - size.available))
        sizes[index] -= gone
        removable -= gone
    available = new.available + sum(min(size.replicas, size.available) for size in old)
    removable = max(0, available - least)
    for index in range(len(sizes)):
        gone = min(removable, sizes[index])
        sizes[index] -= gone
        removable -= gone
    return min(new.replicas + grow, desired), sizes


def reconcile(cluster: Cluster, deployment: Object) -> None:
    """Make one step of the rollout and report where it is."""
    if objects.terminating(deployment):
        return
    sets = cluster.owned("ReplicaSet", deployment)
    new = next((rs for rs in sets if same_template(rs, deployment)), None)
    old = [rs for rs in sets if rs is not new]
    condition = None
    if not deployment["spec"].get("paused"):
        new, condition = ensure_new(cluster, deployment, new, old)
    roll_out(cluster, deployment, new, old)
    report(cluster, deployment, new, old, condition)
    clean_up(cluster, deployment, old)


def same_template(replica_set: Object, deployment: Object) -> bool:
    """Whether the ReplicaSet has the deployment's template, but for the hash label."""
    template = copy.deepcopy(replica_set["spec"]["template"])
    (template.get("metadata", {}).get("labels") or {}).pop(HASH, None)
    return pods.template_hash(template) == pods.template_hash(deployment["spec"]["template"])


def revision(replica_set: Object) -> int:
    """The rollout's number that the ReplicaSet bears."""
    return int(objects.annotations_of(replica_set).get(REVISION, 0))


def ensure_new(
    cluster: Cluster, deployment: Object, new: Object | None, old: list[Object]
) -> tuple[Object, Object | None]:
    """The template's ReplicaSet with the highest revision, and a condition when it became it.

    A template that came before (a rollback) gets its ReplicaSet back under a new revision.
    """
    latest = max(map(revision, old), default=0)
    condition = None
    if new is None:
        new = cluster.create("ReplicaSet", new_replica_set(deployment, latest + 1))
        condition = progressing(
            "True", "NewReplicaSetCreated", f'Created new replica set "{objects.name(new)}"'
        )
    elif revision(new) <= latest:
        marked = {"metadata": {"annotations": {REVISION: str(latest + 1)}}}
        new = cluster.patch("ReplicaSet", new, marked)
        condition = progressing(
            "True", "FoundNewReplicaSet", f'Found new replica set "{objects.name(new)}"'
        )
    number = objects.annotations_of(new)[REVISION]
    if objects.annotations_of(deployment).get(REVISION) != number:
        cluster.patch("Deployment", deployment, {"metadata": {"annotations": {REVISION: number}}})
    return new, condition


def new_replica_set(deployment: Object, number: int) -> Object:
    """An empty ReplicaSet of the deployment's template."""
    template = copy.deepcopy(deployment["spec"]["template"])
    hashed = {HASH: pods.template_hash(template)}
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **hashed}
    selector = deployment["spec"]["selector"]
    inherited = {
        key: value
        for key, value in objects.annotations_of(deployment).items()
        if key not in NOT_INHERITED
    }
    return {
        "metadata": {
            "name": f"{objects.name(deployment)}-{hashed[HASH]}",
            "namespace": objects.namespace(deployment),
            "labels": metadata["labels"],
            "annotations": {**inherited, REVISION: str(number)},
            "ownerReferences": [objects.owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), **hashed},
            },
            "template": template,
        },
    }


def roll_out(cluster: Cluster, deployment: Object, new: Object | None, old: list[Object]) -> None:
    """Scale the ReplicaSets one step towards the wanted state."""
    spec = deployment["spec"]
    desired = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if new is None or spec.get("paused"):
        live = [rs for rs in [*old, *filter(None, [new])] if rs["spec"]["replicas"]]
        if len(live) == 1:
            scale(cluster, deployment, live[0], desired)
    elif strategy.get("type") == "Recreate":
        for replica_set in old:
            scale(cluster, deployment, replica_set, 0)
        if not any(cluster.owned("Pod", replica_set) for replica_set in old):
            scale(cluster, deployment, new, desired)
    else:
        surge, unavailable = rolling_limits(strategy, desired)
        size, sizes = rolling_step(
            desired, surge, unavailable, size_of(new), [size_of(rs) for rs in old]
        )
        scale(cluster, deployment, new, size)
        for replica_set, count in zip(old, sizes, strict=True):
            scale(cluster, deployment, replica_set, count)


def size_of(replica_set: Object) -> Size:
    """The ReplicaSet's size as the rollout counts it."""
    status = replica_set.get("status", {})
    return Size(replica_set["spec"]["replicas"], status.get("availableReplicas", 0))


def scale(cluster: Cluster, deployment: Object, replica_set: Object, size: int) -> None:
    """Set the ReplicaSet's size when it differs, and record the event."""
    before = replica_set["spec"]["replicas"]
    if before == size:
        return
    cluster.patch("ReplicaSet", replica_set, {"spec": {"replicas": size}})
    way = "up" if size > before else "down"
    message = f"Scaled {way} replica set {objects.name(replica_set)} from {before} to {size}"
    cluster.event(deployment, "Normal", "ScalingReplicaSet", message)


def progressing(status: str, reason: str, message: str) -> Object:
    """A Progressing condition as of now."""
    return {
        "type": "Progressing",
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": objects.utcnow(),
    }


def report(
    cluster: Cluster,
    deployment: Object,
    new: Object | None,
    old: list[Object],
    condition: Object | None,
) -> None:
    """Write the deployment's status: counts, Available and Progressing."""
    before = deployment.get("status", {})
    desired = deployment["spec"].get("replicas", 1)
    counts = [rs.get("status", {}) for rs in [*old, *filter(None, [new])]]
    total, ready, available = (
        sum(count.get(field, 0) for count in counts)
        for field in ("replicas", "readyReplicas", "availableReplicas")
    )
    updated = (new or {}).get("status", {}).get("replicas", 0)
    status = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "unavailableReplicas": max(0, desired - available),
    }
    conditions = before.get("conditions")
    if new is not None:
        complete = updated == total == available == desired
        condition = condition or next_progress(
            cluster, deployment, f'ReplicaSet "{objects.name(new)}"', status, complete
        )
        if condition:
            conditions = objects.with_condition(conditions, condition)
    _, unavailable = rolling_limits(deployment["spec"].get("strategy") or {}, desired)
    conditions = availability(conditions, available >= desired - unavailable)
    cluster.update_status("Deployment", deployment, {**status, "conditions": conditions})


def next_progress(
    cluster: Cluster, deployment: Object, what: str, status: Object, complete: bool
) -> Object | None:
    """The Progressing condition when it changes: complete, further on, or too late."""
    before = deployment.get("status", {})
    last = objects.condition(deployment, "Progressing")
    only_new = status["replicas"] == status["updatedReplicas"]
    if only_new and last.get("reason") == "NewReplicaSetAvailable":
        return None
    if complete:
        return progressing("True", "NewReplicaSetAvailable", f"{what} has successfully progressed.")
    fewer_old = (status["replicas"] - status["updatedReplicas"]) < (
        before.get("replicas", 0) - before.get("updatedReplicas", 0)
    )
    more = any(
        status[field] > before.get(field, 0)
        for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    if more or fewer_old or not last:
        return progressing("True", "ReplicaSetUpdated", f"{what} is progressing.")
    if last["status"] != "True":
        return None
    deadline = deployment["spec"].get("progressDeadlineSeconds", 600)
    left = deadline - objects.seconds_since(last["lastUpdateTime"])
    if left > 0:
        cluster.wake(left)
        return None
    return progressing("False", "ProgressDeadlineExceeded", f"{what} has timed out progressing.")


def availability(conditions: list[Object] | None, available: bool) -> list[Object]:
    """The conditions with Available set; unchanged when it already says so."""
    new = {
        "type": "Available",
        "status": "True" if available else "False",
        "reason": f"MinimumReplicas{'Available' if available else 'Unavailable'}",
        "message": f"Deployment {'has' if available else 'does not have'} minimum availability.",
    }
    old = objects.condition({"status": {"conditions": conditions}}, "Available")
    if old.get("status") == new["status"]:
        return list(conditions or [])
    return objects.with_condition(conditions, {**new, "lastUpdateTime": objects.utcnow()})


def clean_up(cluster: Cluster, deployment: Object, old: list[Object]) -> None:
    """Delete empty ReplicaSets beyond revisionHistoryLimit, the oldest revisions first."""
    empty = [
        rs
        for rs in sorted(old, key=revision)
        if not rs["spec"]["replicas"] and not rs.get("status", {}).get("replicas")
    ]
    keep = deployment["spec"].get("revisionHistoryLimit", 10)
    for replica_set in empty[: max(0, len(empty) - keep)]:
        cluster.delete("ReplicaSet", replica_set)
