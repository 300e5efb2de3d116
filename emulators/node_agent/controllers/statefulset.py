"""StatefulSet: pods with lasting names, started and replaced in order."""

from __future__ import annotations

from .. import objects
from ..cluster import Cluster
from ..objects import Object
from . import pods

REVISION = "controller-revision-hash"
INDEX = "apps.kubernetes.io/pod-index"


def reconcile(cluster: Cluster, stateful_set: Object) -> None:
    """Take the next step: create what is missing, then remove what is too much, then update."""
    spec = stateful_set["spec"]
    current = f"{objects.name(stateful_set)}-{pods.template_hash(spec['template'])}"
    if not objects.terminating(stateful_set):
        step(cluster, stateful_set, current)
    mine = cluster.owned("Pod", stateful_set)
    new = [pod for pod in mine if objects.labels_of(pod).get(REVISION) == current]
    before = stateful_set.get("status", {}).get("currentRevision", current)
    done = len(new) == len(mine) == spec.get("replicas", 1) and all(map(objects.ready, mine))
    status = {
        "observedGeneration": stateful_set["metadata"].get("generation", 1),
        "replicas": len(mine),
        "readyReplicas": sum(map(objects.ready, mine)),
        "availableReplicas": pods.count_available(cluster, mine, spec.get("minReadySeconds", 0)),
        "updatedReplicas": len(new),
        "currentReplicas": len(new) if before == current else len(mine) - len(new),
        "currentRevision": current if done else before,
        "updateRevision": current,
    }
    cluster.update_status("StatefulSet", stateful_set, status)


def step(cluster: Cluster, stateful_set: Object, current: str) -> None:
    """Create, delete or replace pods; one at a time unless podManagementPolicy is Parallel."""
    spec = stateful_set["spec"]
    parallel = spec.get("podManagementPolicy") == "Parallel"
    replicas = spec.get("replicas", 1)
    first = (spec.get("ordinals") or {}).get("start", 0)
    by_name = {objects.name(pod): pod for pod in cluster.owned("Pod", stateful_set)}
    wanted = [f"{objects.name(stateful_set)}-{first + index}" for index in range(replicas)]
    for name in wanted:
        pod = by_name.get(name)
        if pod is None:
            create(cluster, stateful_set, name, current)
        elif objects.finished(pod):
            pods.delete(cluster, stateful_set, pod)
        if not parallel and not (pod and objects.ready(pod) and objects.active(pod)):
            break
    surplus = [pod for name, pod in by_name.items() if name not in wanted]
    for pod in sorted(surplus, key=ordinal, reverse=True)[: None if parallel else 1]:
        if objects.active(pod):
            pods.delete(cluster, stateful_set, pod)
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        update(cluster, stateful_set, wanted[partition:], by_name, current)


def ordinal(pod: Object) -> int:
    """The pod's number."""
    return int(objects.name(pod).rpartition("-")[2])


def update(
    cluster: Cluster,
    stateful_set: Object,
    names: list[str],
    by_name: dict[str, Object],
    current: str,
) -> None:
    """Replace the last pod of an old revision, once every pod after it is new and ready."""
    for name in reversed(names):
        pod = by_name.get(name)
        if pod is None or objects.terminating(pod):
            return
        if objects.labels_of(pod).get(REVISION) != current:
            pods.delete(cluster, stateful_set, pod)
            return
        if not objects.ready(pod):
            return


def create(cluster: Cluster, stateful_set: Object, name: str, current: str) -> None:
    """Create a pod, and the claims which it names after itself."""
    spec = stateful_set["spec"]
    volumes = [
        volume
        for volume in spec["template"]["spec"].get("volumes") or []
        if volume["name"] not in {objects.name(c) for c in spec.get("volumeClaimTemplates") or []}
    ]
    where = objects.namespace(stateful_set)
    for template in spec.get("volumeClaimTemplates") or []:
        claim = f"{objects.name(template)}-{name}"
        volumes.append(
            {"name": objects.name(template), "persistentVolumeClaim": {"claimName": claim}}
        )
        if not cluster.get("PersistentVolumeClaim", where, claim):
            metadata = {**template["metadata"], "name": claim, "namespace": where}
            cluster.create(
                "PersistentVolumeClaim", {"metadata": metadata, "spec": template["spec"]}
            )
    labels = {
        REVISION: current,
        "statefulset.kubernetes.io/pod-name": name,
        INDEX: name.rpartition("-")[2],
    }
    named = {"volumes": volumes, "hostname": name, "subdomain": spec.get("serviceName", "")}
    pods.create(cluster, stateful_set, labels, name, named)
