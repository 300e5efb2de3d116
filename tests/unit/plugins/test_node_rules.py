"""What EKS and Kubernetes take for a node group, as the tests of roles see it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.test import node_rules

TESTS = node_rules.TestModule().tests()


def taint(key: str, effect: str = "NoSchedule", **value: str) -> dict[str, str]:
    return {"key": key, "effect": effect, **value}


@pytest.mark.parametrize(
    "taints",
    [
        [],
        [taint("gpu", value="true")],
        [taint("gpu", value="")],
        [taint("example.com/gpu")],
        [taint("gpu"), taint("gpu", "NoExecute", value="a")],
        [taint("mykubernetes.io/gpu")],
    ],
)
def test_taints(taints: list[dict[str, str]]) -> None:
    assert TESTS["taints"](taints)


@pytest.mark.parametrize(
    "taints",
    [
        [taint("")],
        [taint("-gpu")],
        [taint("a b")],
        [taint("Example.com/gpu")],
        [taint("a/b/c")],
        [taint("g" * 64)],
        [taint("gpu", value="not a label")],
        [taint("gpu", value="v" * 64)],
        [taint("gpu", value="a"), taint("gpu", value="b")],
        [taint("kubernetes.io/gpu")],
        [taint("node.kubernetes.io/gpu")],
        [taint("k8s.io/gpu")],
        [taint("eks.amazonaws.com/gpu")],
    ],
)
def test_other_taints(taints: list[dict[str, str]]) -> None:
    assert not TESTS["taints"](taints)


def test_labels() -> None:
    assert TESTS["labels"]({"pool": "a", "example.com/n": 3, "empty": ""})
    assert not TESTS["labels"]({"k8s.io/pool": "a"})
    assert not TESTS["labels"]({"pool": "a b"})


@pytest.mark.parametrize(
    ("sizes", "fit"),
    [
        ({"min_size": 0, "max_size": 1}, True),
        ({"min_size": 1, "desired_size": 2, "max_size": 3}, True),
        ({"min_size": None, "desired_size": 2, "max_size": None}, True),
        ({"min_size": 0, "max_size": 0}, False),
        ({"min_size": 2, "max_size": 1}, False),
        ({"min_size": -1, "max_size": 1}, False),
        ({"min_size": 2, "desired_size": 1, "max_size": 3}, False),
        ({"min_size": 0, "desired_size": 4, "max_size": 3}, False),
    ],
)
def test_sizes(sizes: dict[str, Any], fit: bool) -> None:
    assert TESTS["node_group_sizes"](sizes) is fit
