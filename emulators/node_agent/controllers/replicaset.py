"""ReplicaSet: as many pods as it says."""

from __future__ import annotations

from .. import objects
from ..cluster import Cluster
from ..objects import Object
from . import pods


def deletion_rank(pod: Object) -> tuple[bool, bool, list[int]]:
    """Sort key: unscheduled pods go first, then pods that are not ready, then the youngest."""
    age = [-ord(letter) for letter in pod["metadata"]["creationTimestamp"]]
    return "nodeName" in pod["spec"], objects.ready(pod), age


def reconcile(cluster: Cluster, replica_set: Object) -> None:
    """Create and delete pods, and report them."""
    mine = [pod for pod in cluster.owned("Pod", replica_set) if objects.active(pod)]
    wanted = replica_set["spec"].get("replicas", 1)
    if not objects.terminating(replica_set):
        for _ in range(wanted - len(mine)):
            pods.create(cluster, replica_set)
        for pod in sorted(mine, key=deletion_rank)[: max(0, len(mine) - wanted)]:
            pods.delete(cluster, replica_set, pod)
    mine = [pod for pod in cluster.owned("Pod", replica_set) if objects.active(pod)]
    min_ready = replica_set["spec"].get("minReadySeconds", 0)
    status = {
        "replicas": len(mine),
        "fullyLabeledReplicas": len(mine),
        "readyReplicas": sum(map(objects.ready, mine)),
        "availableReplicas": pods.count_available(cluster, mine, min_ready),
        "observedGeneration": replica_set["metadata"].get("generation", 1),
    }
    cluster.update_status("ReplicaSet", replica_set, status)
