"""Which node a pod goes to, by room, selectors, affinity and taints; and why it goes nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity

from . import objects
from .cluster import Cluster
from .objects import Object


def requests(pod: Object) -> dict[str, Decimal]:
    """What the pod asks for: its containers together, or its largest init container."""
    spec = pod["spec"]
    total: dict[str, Decimal] = {"pods": Decimal(1)}
    for container in spec["containers"]:
        for resource, amount in container_requests(container).items():
            total[resource] = total.get(resource, Decimal(0)) + amount
    for container in spec.get("initContainers") or []:
        for resource, amount in container_requests(container).items():
            total[resource] = max(total.get(resource, Decimal(0)), amount)
    return total


def container_requests(container: Object) -> dict[str, Decimal]:
    """A container's requests; a limit without a request is one."""
    resources = container.get("resources") or {}
    wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {resource: parse_quantity(amount) for resource, amount in wanted.items()}


def tolerates(pod: Object, taint: Object) -> bool:
    """Whether one of the pod's tolerations covers the taint."""
    return any(
        toleration.get("effect") in (None, "", taint["effect"])
        and toleration.get("key") in (None, "", taint["key"])
        and (
            toleration.get("operator") == "Exists"
            or toleration.get("value", "") == taint.get("value", "")
        )
        for toleration in pod["spec"].get("tolerations") or []
    )


def term_matches(term: Object, node: Object) -> bool:
    """Whether a node selector term holds; an empty one matches nothing."""
    expressions = term.get("matchExpressions") or []
    fields = term.get("matchFields") or []
    known = {"metadata.name": objects.name(node)}
    return bool(expressions or fields) and (
        all(objects.expression_matches(e, objects.labels_of(node)) for e in expressions)
        and all(objects.expression_matches(e, known) for e in fields)
    )


def admission_problem(pod: Object, node: Object) -> str:
    """Why the node does not admit the pod, whatever its room; empty when it does."""
    spec = pod["spec"]
    unschedulable = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node["spec"].get("unschedulable") and not tolerates(pod, unschedulable):
        return "node(s) were unschedulable"
    for taint in node["spec"].get("taints") or []:
        if taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    selected = objects.selector_matches(
        {"matchLabels": spec.get("nodeSelector") or {}}, objects.labels_of(node)
    ) and (not required or any(term_matches(t, node) for t in required["nodeSelectorTerms"]))
    return "" if selected else "node(s) didn't match Pod's node affinity/selector"


def shortages(pod: Object, node: Object, running: Iterable[Object]) -> list[str]:
    """The resources which the node has too little of beside the pods running there."""
    allocatable = node.get("status", {}).get("allocatable") or {}
    free = {resource: parse_quantity(amount) for resource, amount in allocatable.items()}
    for other in running:
        for resource, amount in requests(other).items():
            free[resource] = free.get(resource, Decimal(0)) - amount
    short = [r for r, amount in requests(pod).items() if amount > free.get(r, Decimal(0))]
    return ["Too many pods" if r == "pods" else f"Insufficient {r}" for r in sorted(short)]


def choose(pod: Object, nodes: list[Object], pods: list[Object]) -> tuple[str, str]:
    """The node for a pod, or no node and kube-scheduler's sentence about it.

    Among nodes that fit, the one with the fewest pods of the same controller and then the fewest
    pods at all is taken.
    """
    problems: Counter[str] = Counter()
    fitting: list[tuple[int, int, str]] = []
    mine = (objects.controller(pod) or {}).get("uid")
    for node in nodes:
        there = [
            other
            for other in pods
            if other["spec"].get("nodeName") == objects.name(node) and not objects.finished(other)
        ]
        refusal = admission_problem(pod, node)
        found = [refusal] if refusal else shortages(pod, node, there)
        problems.update(found)
        if not found:
            alike = sum((objects.controller(o) or {}).get("uid") == mine for o in there)
            fitting.append((alike, len(there), objects.name(node)))
    if fitting:
        return min(fitting)[2], ""
    reasons = ", ".join(sorted(f"{count} {problem}" for problem, count in problems.items()))
    return "", f"0/{len(nodes)} nodes are available: {reasons or 'no nodes registered'}."


def schedule(cluster: Cluster) -> None:
    """Bind every pending pod which fits somewhere, and say of the others why they do not."""
    for pod in cluster.select("Pod"):
        if pod["spec"].get("nodeName") or not objects.active(pod):
            continue
        node, problem = choose(pod, cluster.select("Node"), cluster.select("Pod"))
        if node:
            cluster.bind(pod, node)
            where = f"{objects.namespace(pod)}/{objects.name(pod)}"
            message = f"Successfully assigned {where} to {node}"
            cluster.event(pod, "Normal", "Scheduled", message)
        elif objects.condition(pod, "PodScheduled").get("message") != problem:
            conditions = objects.with_condition(
                pod.get("status", {}).get("conditions"),
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": problem,
                },
            )
            cluster.patch("Pod", pod, {"status": {"conditions": conditions}}, "status")
            cluster.event(pod, "Warning", "FailedScheduling", problem)
