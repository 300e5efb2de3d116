"""DaemonSet: one pod on every node which its template's selectors and tolerations admit."""

from __future__ import annotations

from .. import objects, scheduler
from ..cluster import Cluster
from ..objects import Object
from . import pods

REVISION = "controller-revision-hash"
TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


def placed(template_spec: Object, node: str) -> Object:
    """The spec fields which send a pod to that node only, and keep it there."""
    affinity = template_spec.get("affinity") or {}
    required = {
        "nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        ]
    }
    return {
        "affinity": {
            **affinity,
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required},
        },
        "tolerations": [*(template_spec.get("tolerations") or []), *TOLERATIONS],
    }


def target(pod: Object) -> str:
    """The node which the pod was made for."""
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return str(terms[0]["matchFields"][0]["values"][0])


def reconcile(cluster: Cluster, daemon_set: Object) -> None:
    """Create, delete and update pods, and report them."""
    spec = daemon_set["spec"]
    current = pods.template_hash(spec["template"])
    tolerating = [*(spec["template"]["spec"].get("tolerations") or []), *TOLERATIONS]
    probe = {**spec["template"], "spec": {**spec["template"]["spec"], "tolerations": tolerating}}
    nodes = {
        objects.name(node)
        for node in cluster.select("Node")
        if not scheduler.admission_problem(probe, node)
    }
    mine: dict[str, Object] = {}
    for pod in cluster.owned("Pod", daemon_set):
        if target(pod) not in nodes or objects.finished(pod) or target(pod) in mine:
            pods.delete(cluster, daemon_set, pod)
        else:
            mine[target(pod)] = pod
    if not objects.terminating(daemon_set):
        for node in sorted(nodes - set(mine)):
            where = placed(spec["template"]["spec"], node)
            pods.create(cluster, daemon_set, {REVISION: current}, spec=where)
        update(cluster, daemon_set, list(mine.values()), len(nodes), current)
    active = [pod for pod in mine.values() if objects.active(pod)]
    available = pods.count_available(cluster, active, spec.get("minReadySeconds", 0))
    status = {
        "observedGeneration": daemon_set["metadata"].get("generation", 1),
        "desiredNumberScheduled": len(nodes),
        "currentNumberScheduled": len(active),
        "numberMisscheduled": 0,
        "numberReady": sum(map(objects.ready, active)),
        "numberAvailable": available,
        "numberUnavailable": len(nodes) - available,
        "updatedNumberScheduled": sum(
            objects.labels_of(pod).get(REVISION) == current for pod in active
        ),
    }
    cluster.update_status("DaemonSet", daemon_set, status)


def update(
    cluster: Cluster, daemon_set: Object, mine: list[Object], nodes: int, current: str
) -> None:
    """Delete pods of an old template, no more at a time than maxUnavailable allows."""
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    allowed = max(1, objects.scaled(limit, nodes, up=True))
    allowed -= nodes - sum(objects.ready(pod) and objects.active(pod) for pod in mine)
    old = [pod for pod in mine if objects.labels_of(pod).get(REVISION) != current]
    unready = [pod for pod in old if not objects.ready(pod)]
    ready = [pod for pod in old if objects.ready(pod)]
    for pod in [*unready, *ready[: max(0, allowed)]]:
        pods.delete(cluster, daemon_set, pod)
