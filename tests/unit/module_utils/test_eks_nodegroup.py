"""EKS node groups against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.eks_nodegroup import (
    ensure_nodegroup,
)
from ansible_collections.mlops.gpu_platform.tests.unit.scripted_aws import ScriptedAws

NAMES = {"clusterName": "mlops", "nodegroupName": "gpu"}
ARN = "arn:aws:eks:eu-west-1:123456789012:nodegroup/mlops/gpu/1"
ROLE = "arn:aws:iam::123456789012:role/node"
GROUP = {"ResourceId": "eks-gpu", "ResourceType": "auto-scaling-group"}
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"
TEMPLATE_TAGS = {f"{TEMPLATE}/label/gpu": "true", f"{TEMPLATE}/taint/gpu": "true:NoSchedule"}


def params(**changes: Any) -> Fields:
    """Return the module's options for the node group below."""
    return {
        "cluster_name": "mlops",
        "name": "gpu",
        "state": "present",
        "node_role": ROLE,
        "subnet_ids": ["subnet-b", "subnet-a"],
        "instance_types": ["g4dn.xlarge"],
        "ami_type": "AL2023_x86_64_NVIDIA",
        "capacity_type": None,
        "disk_size": None,
        "min_size": 0,
        "max_size": 2,
        "desired_size": None,
        "labels": {"gpu": "true"},
        "taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}],
        "max_unavailable": None,
        "node_template_tags": False,
        "tags": {"Project": "mlops"},
        "purge_tags": True,
        **changes,
    }


def nodegroup(**changes: Any) -> Fields:
    """Return an answer of DescribeNodegroup."""
    described = {
        **NAMES,
        "nodegroupArn": ARN,
        "status": "ACTIVE",
        "nodeRole": ROLE,
        "subnets": ["subnet-a", "subnet-b"],
        "instanceTypes": ["g4dn.xlarge"],
        "amiType": "AL2023_x86_64_NVIDIA",
        "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0},
        "labels": {"gpu": "true"},
        "taints": [{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        "resources": {"autoScalingGroups": [{"name": "eks-gpu"}]},
        "tags": {"Project": "mlops"},
        **changes,
    }
    return {"nodegroup": described}


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_existing(script: ScriptedAws, times: int = 2, **changes: Any) -> None:
    """Expect the node group to be looked at."""
    for _ in range(times):
        script.answer("eks", "describe_nodegroup", nodegroup(**changes), **NAMES)


def expect_update(script: ScriptedAws, **request: Any) -> None:
    """Expect one update of the configuration, which is done at the first look."""
    update = {"id": "u", "type": "ConfigUpdate", "status": "InProgress"}
    script.answer("eks", "update_nodegroup_config", {"update": update}, **NAMES, **request)
    script.answer(
        "eks",
        "describe_update",
        {"update": update | {"status": "Successful"}},
        name="mlops",
        nodegroupName="gpu",
        updateId="u",
    )


def expect_template_tags(script: ScriptedAws, tags: dict[str, str]) -> None:
    """Expect the tags of the Auto Scaling group to be read."""
    script.answer(
        "autoscaling",
        "describe_tags",
        {"Tags": [{**GROUP, "Key": key, "Value": value} for key, value in tags.items()]},
        Filters=[{"Name": "auto-scaling-group", "Values": ["eks-gpu"]}],
    )


def test_create_takes_the_subnets_of_the_cluster_and_tags_the_group(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")
    subnets = {"subnetIds": ["subnet-a", "subnet-b"]}
    cluster = {"name": "mlops", "status": "ACTIVE", "resourcesVpcConfig": subnets}
    script.answer("eks", "describe_cluster", {"cluster": cluster}, name="mlops")
    script.answer(
        "eks",
        "create_nodegroup",
        nodegroup(status="CREATING"),
        **NAMES,
        subnets=["subnet-a", "subnet-b"],
        nodeRole=ROLE,
        instanceTypes=["g4dn.xlarge"],
        amiType="AL2023_x86_64_NVIDIA",
        scalingConfig={"minSize": 0, "maxSize": 2, "desiredSize": 0},
        labels={"gpu": "true"},
        taints=[{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        updateConfig={"maxUnavailable": 1},
        tags={"Project": "mlops"},
    )
    expect_existing(script, 1, status="CREATING")
    expect_existing(script, 1)
    script.answer(
        "autoscaling",
        "create_or_update_tags",
        {},
        Tags=[
            {**GROUP, "Key": key, "Value": value, "PropagateAtLaunch": False}
            for key, value in TEMPLATE_TAGS.items()
        ],
    )
    result = ensure_nodegroup(
        script.aws(poll_interval=5),
        params(subnet_ids=None, max_unavailable=1, node_template_tags=True),
    )
    assert result["changed"]
    assert result["nodegroup"]["status"] == "ACTIVE"
    assert script.now == 5


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")
    result = ensure_nodegroup(
        script.aws(check_mode=True), params(node_role="node", node_template_tags=True)
    )
    assert result["changed"]
    assert result["nodegroup"]["status"] == "PLANNED"
    assert result["diff"]["after"]["node_template_tags"] == TEMPLATE_TAGS


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subnet_ids": None},
        {"node_role": "node"},
        {"labels": None, "taints": None, "tags": None, "instance_types": None},
        {"tags": {}, "purge_tags": False},
    ],
)
def test_second_run_changes_nothing(script: ScriptedAws, options: Fields) -> None:
    expect_existing(script)
    assert not ensure_nodegroup(script.aws(), params(**options))["changed"]


def test_order_of_taints_means_nothing(script: ScriptedAws) -> None:
    taints = [("b", "NO_SCHEDULE", "NoSchedule"), ("a", "NO_EXECUTE", "NoExecute")]
    theirs = [{"key": key, "value": "x", "effect": effect} for key, effect, _ in taints]
    ours = [{"key": key, "value": "x", "effect": effect} for key, _, effect in reversed(taints)]
    expect_existing(script, taints=theirs)
    assert not ensure_nodegroup(script.aws(), params(taints=ours))["changed"]


def test_what_the_autoscaler_set_stays(script: ScriptedAws) -> None:
    expect_existing(script, scalingConfig={"minSize": 0, "maxSize": 2, "desiredSize": 2})
    assert not ensure_nodegroup(script.aws(), params())["changed"]


@pytest.mark.parametrize(
    ("desired", "limits", "sent"),
    [
        (2, {"max_size": 1}, {"minSize": 0, "maxSize": 1, "desiredSize": 1}),
        (0, {"min_size": 1}, {"minSize": 1, "maxSize": 2, "desiredSize": 1}),
        (2, {"max_size": 3}, {"minSize": 0, "maxSize": 3, "desiredSize": 2}),
        (2, {"desired_size": 0}, {"minSize": 0, "maxSize": 2, "desiredSize": 0}),
    ],
)
def test_sizes(script: ScriptedAws, desired: int, limits: Fields, sent: Fields) -> None:
    expect_existing(script, scalingConfig={"minSize": 0, "maxSize": 2, "desiredSize": desired})
    expect_update(script, scalingConfig=sent)
    expect_existing(script, 1)
    assert ensure_nodegroup(script.aws(), params(**limits))["changed"]


def test_all_changes_go_in_one_update(script: ScriptedAws) -> None:
    expect_existing(
        script,
        labels={"gpu": "false", "old": "1"},
        taints=[
            {"key": "gpu", "value": "false", "effect": "NO_SCHEDULE"},
            {"key": "gpu", "value": "true", "effect": "NO_EXECUTE"},
        ],
        tags={"Project": "other", "old": "1"},
    )
    expect_update(
        script,
        labels={"addOrUpdateLabels": {"gpu": "true"}, "removeLabels": ["old"]},
        taints={
            "addOrUpdateTaints": [{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
            "removeTaints": [{"key": "gpu", "value": "true", "effect": "NO_EXECUTE"}],
        },
        scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0},
        updateConfig={"maxUnavailable": 2},
    )
    script.answer("eks", "untag_resource", {}, resourceArn=ARN, tagKeys=["old"])
    script.answer("eks", "tag_resource", {}, resourceArn=ARN, tags={"Project": "mlops"})
    expect_existing(script, 1)
    result = ensure_nodegroup(script.aws(), params(max_size=3, max_unavailable=2))
    assert result["changed"]
    assert result["diff"]["before"]["labels"] == {"gpu": "false", "old": "1"}


def test_template_tags_follow_labels_and_taints(script: ScriptedAws) -> None:
    expect_existing(script, 3)
    expect_template_tags(
        script,
        {
            f"{TEMPLATE}/label/gpu": "false",
            f"{TEMPLATE}/taint/gpu": "true:NoSchedule",
            f"{TEMPLATE}/label/old": "1",
            "k8s.io/cluster-autoscaler/enabled": "true",
        },
    )
    script.answer(
        "autoscaling", "delete_tags", {}, Tags=[{**GROUP, "Key": f"{TEMPLATE}/label/old"}]
    )
    changed = {"Key": f"{TEMPLATE}/label/gpu", "Value": "true", "PropagateAtLaunch": False}
    script.answer("autoscaling", "create_or_update_tags", {}, Tags=[{**GROUP, **changed}])
    assert ensure_nodegroup(script.aws(), params(node_template_tags=True))["changed"]


def test_template_tags_that_are_there_stay(script: ScriptedAws) -> None:
    expect_existing(script)
    expect_template_tags(script, TEMPLATE_TAGS)
    assert not ensure_nodegroup(script.aws(), params(node_template_tags=True))["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"instance_types": ["g5.xlarge"]},
            r"instance_types: \['g4dn.xlarge'\] to \['g5.xlarge'\]",
        ),
        ({"subnet_ids": ["subnet-c"]}, "subnet_ids: .* to .*subnet-c"),
        ({"ami_type": "CUSTOM"}, "ami_type: AL2023_x86_64_NVIDIA to CUSTOM"),
        ({"node_role": "other"}, f"EKS cannot change {ROLE} to other"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_is_fixed_is_refused_before_any_write(
    script: ScriptedAws, options: Fields, message: str, check_mode: bool
) -> None:
    expect_existing(script, 1 if check_mode else 2)
    with pytest.raises(AwsError, match=message):
        ensure_nodegroup(script.aws(check_mode=check_mode), params(labels={}, **options))


def test_update_in_progress_is_waited_for(script: ScriptedAws) -> None:
    expect_existing(script, 3, status="UPDATING")
    expect_existing(script, 1)
    assert not ensure_nodegroup(script.aws(poll_interval=3), params())["changed"]
    assert script.now == 6


@pytest.mark.parametrize("status", ["CREATING", "CREATE_FAILED"])
def test_health_issues_end_the_wait(script: ScriptedAws, status: str) -> None:
    issues = [{"code": "AsgInstanceLaunchFailures", "message": "no g4dn.xlarge left"}]
    expect_existing(script, status=status, health={"issues": issues})
    expected = f"node group gpu is {status}: AsgInstanceLaunchFailures: no g4dn.xlarge left"
    with pytest.raises(AwsError, match=expected) as caught:
        ensure_nodegroup(script.aws(), params())
    assert caught.value.details["issues"][0]["code"] == "AsgInstanceLaunchFailures"
    assert script.now == 0


def test_delete_waits_until_it_is_gone(script: ScriptedAws) -> None:
    expect_existing(script, 1)
    script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    expect_existing(script, 1, status="DELETING")
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")
    assert ensure_nodegroup(script.aws(), params(state="absent"))["changed"]


def test_failed_delete_says_why(script: ScriptedAws) -> None:
    expect_existing(script, 1, status="DELETING")
    issues = [{"code": "Ec2SecurityGroupDeletionFailure", "message": "in use"}]
    expect_existing(script, 1, status="DELETE_FAILED", health={"issues": issues})
    with pytest.raises(AwsError, match="DELETE_FAILED: Ec2SecurityGroupDeletionFailure: in use"):
        ensure_nodegroup(script.aws(), params(state="absent"))


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent_nodegroup_needs_no_deletion(script: ScriptedAws, check_mode: bool) -> None:
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")
    aws = script.aws(check_mode=check_mode)
    assert not ensure_nodegroup(aws, params(state="absent"))["changed"]
