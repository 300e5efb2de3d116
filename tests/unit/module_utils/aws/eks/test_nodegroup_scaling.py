"""Sizes of node groups against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup_scaling import (
    ensure_scaling,
)
from support.scripted_aws import ScriptedAws


def group(name: str, **sizes: int) -> Fields:
    """Return an entry of the option."""
    nothing = {"min_size": None, "max_size": None, "desired_size": None}
    return {"cluster_name": "mlops", "name": name, **nothing, **sizes}


ASLEEP = {"min_size": 0, "desired_size": 0}


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_group(script: ScriptedAws, name: str, sizes: str, status: str = "ACTIVE") -> None:
    """Expect a look at a node group with these least, greatest and desired sizes."""
    keys = ("minSize", "maxSize", "desiredSize")
    config = dict(zip(keys, map(int, sizes.split()), strict=True))
    script.answer(
        "eks",
        "describe_nodegroup",
        {"nodegroup": {"nodegroupName": name, "status": status, "scalingConfig": config}},
        clusterName="mlops",
        nodegroupName=name,
    )


def expect_update(script: ScriptedAws, name: str, **sizes: int) -> None:
    """Expect an update of sizes."""
    script.answer(
        "eks",
        "update_nodegroup_config",
        {"update": {"id": name, "type": "ConfigUpdate", "status": "InProgress"}},
        clusterName="mlops",
        nodegroupName=name,
        scalingConfig=sizes,
    )


def expect_end(script: ScriptedAws, name: str, status: str = "Successful") -> None:
    """Expect a look at the update of a node group."""
    script.answer(
        "eks",
        "describe_update",
        {"update": {"id": name, "type": "ConfigUpdate", "status": status}},
        updateId=name,
        name="mlops",
        nodegroupName=name,
    )


def test_all_updates_are_begun_before_one_is_waited_for(script: ScriptedAws) -> None:
    expect_group(script, "system", "2 3 2")
    expect_update(script, "system", minSize=0, desiredSize=0)
    expect_group(script, "gpu", "0 2 1")
    expect_update(script, "gpu", desiredSize=0)
    for name, status in (
        ("system", "InProgress"),
        ("system", "Successful"),
        ("gpu", "Successful"),
    ):
        expect_end(script, name, status)
    groups = [group("system", **ASLEEP), group("gpu", **ASLEEP)]
    result = ensure_scaling(script.aws(), {"node_groups": groups})
    update = {"action": "update", "type": "AWS::EKS::Nodegroup"}
    assert result["changes"] == [
        {**update, "name": "mlops/system", "fields": ["desired_size", "min_size"]},
        {**update, "name": "mlops/gpu", "fields": ["desired_size"]},
    ]
    assert [each["desired_size"] for each in result["node_groups"]] == [0, 0]


def test_another_update_is_waited_for(script: ScriptedAws) -> None:
    expect_group(script, "gpu", "0 2 1", status="UPDATING")
    expect_group(script, "gpu", "0 2 1", status="UPDATING")
    expect_group(script, "gpu", "0 2 1")
    expect_update(script, "gpu", desiredSize=0)
    expect_end(script, "gpu")
    assert ensure_scaling(script.aws(), {"node_groups": [group("gpu", **ASLEEP)]})["changed"]


def test_what_sleeps_already_is_left_alone(script: ScriptedAws) -> None:
    expect_group(script, "gpu", "0 2 0")
    result = ensure_scaling(script.aws(), {"node_groups": [group("gpu", **ASLEEP)]})
    assert (result["changed"], result["changes"]) == (False, [])


def test_node_group_that_does_not_exist_is_named_and_not_created(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")
    result = ensure_scaling(script.aws(), {"node_groups": [group("gpu", **ASLEEP)]})
    assert (result["changed"], result["missing"], result["node_groups"]) == (
        False,
        ["mlops/gpu"],
        [],
    )


@pytest.mark.parametrize(
    ("now", "wanted", "sizes"),
    [
        ("0 2 0", {"min_size": 1}, {"min_size": 1, "max_size": 2, "desired_size": 1}),
        ("0 2 0", {"desired_size": 3}, {"min_size": 0, "max_size": 3, "desired_size": 3}),
        ("0 3 3", {"max_size": 2}, {"min_size": 0, "max_size": 2, "desired_size": 2}),
        ("2 3 2", {"max_size": 1}, {"min_size": 1, "max_size": 1, "desired_size": 1}),
        ("1 3 2", {"min_size": 0}, {"min_size": 0, "max_size": 3, "desired_size": 2}),
    ],
)
def test_other_sizes_move_only_if_they_must(
    script: ScriptedAws, now: str, wanted: dict[str, int], sizes: dict[str, int]
) -> None:
    expect_group(script, "gpu", now)
    options: dict[str, Any] = {"node_groups": [group("gpu", **wanted)]}
    result = ensure_scaling(script.aws(check_mode=True), options)
    assert result["node_groups"] == [{"cluster_name": "mlops", "name": "gpu", **sizes}]


@pytest.mark.parametrize(
    "sizes",
    [
        {"min_size": -1},
        {"max_size": 0},
        {"min_size": 2, "max_size": 1},
        {"desired_size": 3, "max_size": 2},
        {"min_size": 2, "desired_size": 1},
    ],
)
def test_sizes_out_of_order_are_refused_before_any_call(
    script: ScriptedAws, sizes: dict[str, int]
) -> None:
    with pytest.raises(AwsError, match=r"node_groups has gpu .* 0 <= min_size <= desired_size"):
        ensure_scaling(script.aws(), {"node_groups": [group("gpu", **sizes)]})
