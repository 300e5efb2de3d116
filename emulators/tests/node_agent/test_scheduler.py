"""Which node a pod gets, and what is said when it gets none."""

from __future__ import annotations

from typing import Any

import pytest
from node_agent.scheduler import choose, requests, tolerates


def node(name: str, **capacity: str) -> dict[str, Any]:
    """A node with that much to allocate, labelled with its own name."""
    allocatable = {"cpu": "4", "memory": "8Gi", "pods": "10", **capacity}
    return {
        "metadata": {"name": name, "labels": {"name": name}},
        "spec": {},
        "status": {"allocatable": allocatable},
    }


def gpu_node(name: str) -> dict[str, Any]:
    """A node with one GPU, tainted for it."""
    result = node(name, **{"nvidia.com/gpu": "1"})
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    return {**result, "spec": {"taints": [taint]}}


def pod(name: str = "pod", bound: str = "", **fields: Any) -> dict[str, Any]:
    """A pod with one container; ``limits`` and ``requests`` are the container's."""
    resources = {key: fields.pop(key) for key in ("limits", "requests") if key in fields}
    spec = {"containers": [{"name": "main", "resources": resources}], **fields}
    if bound:
        spec["nodeName"] = bound
    return {"metadata": {"name": name}, "spec": spec}


GPU = {"nvidia.com/gpu": "1"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def test_requests_are_the_sum_of_containers_or_the_largest_init_container() -> None:
    spec = {
        "containers": [
            {"resources": {"requests": {"cpu": "500m"}}},
            {"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": "1"}}},
        ],
        "initContainers": [{"resources": {"requests": {"cpu": "2"}}}],
    }
    assert requests({"spec": spec}) == {"cpu": 2, "nvidia.com/gpu": 1, "pods": 1}


def test_gpu_pod_goes_to_the_gpu_node() -> None:
    wanted = pod(limits=GPU, tolerations=[TOLERATION])
    assert choose(wanted, [node("a"), gpu_node("g")], []) == ("g", "")


def test_taken_gpu_is_insufficient() -> None:
    first = pod("first", "g", limits=GPU)
    second = pod("second", limits=GPU, tolerations=[TOLERATION])
    found, problem = choose(second, [node("a"), gpu_node("g")], [first])
    assert (found, problem) == ("", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")


def test_finished_pod_frees_its_gpu() -> None:
    first = {**pod("first", "g", limits=GPU), "status": {"phase": "Succeeded"}}
    assert choose(pod(limits=GPU, tolerations=[TOLERATION]), [gpu_node("g")], [first])[0] == "g"


def test_message_counts_each_reason() -> None:
    _, problem = choose(pod(requests={"cpu": "5"}), [node("a"), node("b"), gpu_node("g")], [])
    assert problem == (
        "0/3 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: true}, "
        "2 Insufficient cpu."
    )


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({"nodeSelector": {"name": "b"}}, "b"),
        ({"nodeSelector": {"name": "c"}}, ""),
        ({"affinity": {"key": "name", "operator": "NotIn", "values": ["a"]}}, "b"),
        ({"affinity": {"key": "name", "operator": "Exists"}}, "a"),
        ({"affinity": {"key": "gone", "operator": "Exists"}}, ""),
        ({"requests": {"memory": "9Gi"}}, ""),
    ],
)
def test_selectors_and_affinity(fields: dict[str, Any], chosen: str) -> None:
    if "affinity" in fields:
        terms = {"nodeSelectorTerms": [{"matchExpressions": [fields["affinity"]]}]}
        rule = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        fields = {"affinity": {"nodeAffinity": rule}}
    assert choose(pod(**fields), [node("a"), node("b")], [])[0] == chosen


def test_pods_spread_over_nodes() -> None:
    assert choose(pod(), [node("a"), node("b")], [pod("other", "a")])[0] == "b"


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"key": "k", "value": "v", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration: dict[str, str], expected: bool) -> None:
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    assert tolerates(pod(tolerations=[toleration]), taint) is expected
