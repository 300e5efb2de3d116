"""EKS node groups against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup import (
    ensure_nodegroup,
)
from support.scripted_aws import ScriptedAws
from support.scripted_capacity import (
    expect_quota,
    expect_types,
)
from support.scripted_nodegroup import (
    ARN,
    CREATION,
    GROUP,
    NAMES,
    ROLE,
    TEMPLATE,
    TEMPLATE_TAGS,
    expect_cluster,
    expect_existing,
    expect_no_nodegroup,
    expect_no_template,
    expect_tagging,
    expect_template_tags,
    expect_update,
    expect_version_update,
    nodegroup,
    params,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def test_create_takes_the_subnets_of_the_cluster_and_tags_the_group(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_cluster(script)
    script.answer(
        "eks",
        "create_nodegroup",
        nodegroup(status="CREATING"),
        **CREATION,
        updateConfig={"maxUnavailable": 1},
    )
    expect_existing(script, status="CREATING")
    expect_existing(script)
    expect_tagging(script, {**TEMPLATE_TAGS, f"{TEMPLATE}/resources/nvidia.com/gpu": "4"})
    result = ensure_nodegroup(
        script.aws(poll_interval=5),
        params(
            subnet_ids=None,
            max_unavailable=1,
            node_template_tags=True,
            node_template_resources={"nvidia.com/gpu": 4},
        ),
    )
    assert result["changed"]
    assert result["nodegroup"]["status"] == "ACTIVE"
    assert script.now == 5


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    result = ensure_nodegroup(
        script.aws(check_mode=True), params(node_role="node", node_template_tags=True)
    )
    assert result["changed"]
    assert result["nodegroup"] == {"cluster_name": "mlops", "nodegroup_name": "gpu"}
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
    expect_existing(script)
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
    expect_existing(script)
    result = ensure_nodegroup(script.aws(), params(max_size=3, max_unavailable=2))
    assert result["changed"]
    assert result["diff"]["before"]["labels"] == {"gpu": "false", "old": "1"}


def test_template_tags_follow_labels_and_taints(script: ScriptedAws) -> None:
    expect_existing(script, 2)
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
    expect_tagging(script, {f"{TEMPLATE}/label/gpu": "true"})
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
    expect_existing(script)
    with pytest.raises(AwsError, match=message):
        ensure_nodegroup(script.aws(check_mode=check_mode), params(labels={}, **options))


def test_update_in_progress_is_waited_for(script: ScriptedAws) -> None:
    expect_existing(script, 3, status="UPDATING")
    expect_existing(script)
    assert not ensure_nodegroup(script.aws(poll_interval=3), params())["changed"]
    assert script.now == 6


def test_health_issues_end_the_wait(script: ScriptedAws) -> None:
    issues = [{"code": "AsgInstanceLaunchFailures", "message": "no g4dn.xlarge left"}]
    expect_existing(script, 2, status="CREATING", health={"issues": issues})
    expected = "node group gpu is CREATING: AsgInstanceLaunchFailures: no g4dn.xlarge left"
    with pytest.raises(AwsError, match=expected) as caught:
        ensure_nodegroup(script.aws(), params())
    assert caught.value.details["issues"][0]["code"] == "AsgInstanceLaunchFailures"
    assert script.now == 0


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETE_FAILED", "DELETING"])
def test_what_failed_is_cleared_away_and_created_anew(script: ScriptedAws, status: str) -> None:
    expect_existing(script, status=status)
    if status != "DELETING":
        script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    expect_existing(script, status="DELETING")
    expect_no_nodegroup(script)
    expect_cluster(script)
    script.answer("eks", "create_nodegroup", nodegroup(status="CREATING"), **CREATION)
    expect_existing(script)
    result = ensure_nodegroup(script.aws(), params())
    assert [change["action"] for change in result["changes"]] == ["create"]


def test_without_a_wait_the_next_call_that_waits_tags_the_group(script: ScriptedAws) -> None:
    options = params(node_template_tags=True)
    expect_no_nodegroup(script)
    expect_cluster(script)
    script.answer("eks", "create_nodegroup", nodegroup(status="CREATING"), **CREATION)
    result = ensure_nodegroup(script.aws(wait=False), options)
    assert result["nodegroup"]["status"] == "CREATING"
    assert "node_template_tags" not in result["diff"]["after"]

    expect_existing(script, status="CREATING", resources={})
    assert not ensure_nodegroup(script.aws(wait=False), options)["changed"]

    expect_existing(script, status="CREATING", resources={})
    expect_existing(script)
    expect_template_tags(script, {})
    expect_tagging(script, TEMPLATE_TAGS)
    expect_existing(script)
    result = ensure_nodegroup(script.aws(), options)
    assert [change["fields"] for change in result["changes"]] == [["node_template_tags"]]


def test_without_a_wait_one_update_still_follows_the_other(script: ScriptedAws) -> None:
    expect_existing(script, version="1.33")
    expect_cluster(script)
    update = {"id": "u", "type": "ConfigUpdate", "status": "InProgress"}
    sizes = {"minSize": 0, "maxSize": 3, "desiredSize": 0}
    expected = {**NAMES, "scalingConfig": sizes}
    script.answer("eks", "update_nodegroup_config", {"update": update}, **expected)
    expect_existing(script, status="UPDATING")
    expect_existing(script)
    expected = {**NAMES, "version": "1.34"}
    script.answer("eks", "update_nodegroup_version", {"update": update}, **expected)
    expect_existing(script, status="UPDATING")
    result = ensure_nodegroup(script.aws(wait=False), params(max_size=3, version="1.34"))
    assert result["nodegroup"]["status"] == "UPDATING"
    assert result["changes"][0]["fields"] == ["max_size", "version"]


def test_a_change_waits_for_an_update_that_somebody_else_made(script: ScriptedAws) -> None:
    expect_existing(script, status="UPDATING", labels={})
    expect_existing(script, status="UPDATING", labels={})
    expect_existing(script, labels={})
    labels = {"addOrUpdateLabels": {"gpu": "true"}, "removeLabels": []}
    update = {"id": "u", "type": "ConfigUpdate", "status": "InProgress"}
    expected = {**NAMES, "labels": labels}
    script.answer("eks", "update_nodegroup_config", {"update": update}, **expected)
    expect_existing(script, status="UPDATING")
    assert ensure_nodegroup(script.aws(wait=False), params())["changed"]


def test_a_new_version_is_one_update(script: ScriptedAws) -> None:
    expect_existing(script, version="1.33")
    expect_cluster(script)
    expect_version_update(script, version="1.34")
    expect_existing(script)
    result = ensure_nodegroup(script.aws(), params(version="1.34"))
    assert result["changes"] == [
        {
            "action": "update",
            "type": "AWS::EKS::Nodegroup",
            "name": "mlops/gpu",
            "fields": ["version"],
        }
    ]


def test_check_mode_plans_the_version_that_the_cluster_is_about_to_get(script: ScriptedAws) -> None:
    expect_existing(script, version="1.33")
    assert ensure_nodegroup(script.aws(check_mode=True), params(version="1.34"))["changed"]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.35", "nodes must not be newer than their cluster, which has 1.34: 1.35"),
        ("1.33", "EKS takes nodes from 1.34 to no earlier one such as 1.33"),
    ],
)
def test_versions_that_nodes_cannot_have_are_refused(
    script: ScriptedAws, version: str, message: str
) -> None:
    expect_existing(script)
    expect_cluster(script)
    with pytest.raises(AwsError, match=f"version: {message}"):
        ensure_nodegroup(script.aws(), params(version=version))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"min_size": 3},
            "min_size is 3, max_size is 2, desired_size is None; it must be 0 <= min_size",
        ),
        ({"desired_size": 3}, "max_size is 2, desired_size is 3"),
        ({"max_size": 0}, "max_size at least 1"),
        ({"min_size": -1}, "min_size is -1"),
        ({"version": "latest"}, "version is latest, but must be one such as 1.34"),
    ],
)
def test_bad_options_are_refused(script: ScriptedAws, options: Fields, message: str) -> None:
    expect_no_nodegroup(script)
    with pytest.raises(AwsError, match=message):
        ensure_nodegroup(script.aws(), params(**options))


def test_delete_waits_until_it_is_gone(script: ScriptedAws) -> None:
    expect_existing(script)
    script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    expect_existing(script, status="DELETING")
    expect_no_nodegroup(script)
    expect_no_template(script)
    assert ensure_nodegroup(script.aws(), params(state="absent"))["changed"]


def expect_zones(script: ScriptedAws, *zones: str) -> None:
    """Expect the zones of the subnets to be looked up."""
    answer = {"Subnets": [{"AvailabilityZone": zone} for zone in zones]}
    script.answer("ec2", "describe_subnets", answer, SubnetIds=["subnet-a", "subnet-b"])


def test_a_new_node_group_needs_capacity_in_the_zones_of_its_subnets(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_cluster(script)
    expect_zones(script, "eu-west-1c")
    expect_types(script, "g4dn.xlarge")
    with pytest.raises(AwsError, match="in no zone of eu-west-1c, but in: eu-west-1a"):
        ensure_nodegroup(script.aws(), params(check_gpu_capacity=True, subnet_ids=None))


def test_check_mode_looks_for_capacity_in_any_zone(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_types(script, "g4dn.xlarge")
    expect_quota(script, "L-DB2E81BA", "Running On-Demand G and VT instances", 0)
    options = params(check_gpu_capacity=True, subnet_ids=None)
    with pytest.raises(AwsError, match=r"2 g4dn\.xlarge need 8 vCPUs, but the quota .* is 0"):
        ensure_nodegroup(script.aws(check_mode=True), options)


def test_a_higher_maximum_needs_capacity(script: ScriptedAws) -> None:
    subnets = ["subnet-b", "subnet-a"]
    expect_existing(script)
    answer = {"Subnets": [{"AvailabilityZone": "eu-west-1a"}]}
    script.answer("ec2", "describe_subnets", answer, SubnetIds=subnets)
    expect_types(script, "g4dn.xlarge")
    expect_quota(script, "L-DB2E81BA", "Running On-Demand G and VT instances", 12)
    expect_update(script, scalingConfig={"minSize": 0, "maxSize": 3, "desiredSize": 0})
    expect_existing(script)
    options = params(check_gpu_capacity=True, max_size=3, subnet_ids=subnets)
    assert ensure_nodegroup(script.aws(), options)["changed"]


@pytest.mark.parametrize("max_size", [1, 2])
def test_capacity_that_is_there_is_not_asked_for_again(script: ScriptedAws, max_size: int) -> None:
    expect_existing(script, scalingConfig={"minSize": 0, "maxSize": 2, "desiredSize": 0})
    options = params(check_gpu_capacity=True, max_size=max_size)
    ensure_nodegroup(script.aws(check_mode=True), options)


@pytest.mark.parametrize("wait", [True, False])
def test_delete_waits_for_what_is_under_way(script: ScriptedAws, wait: bool) -> None:
    expect_existing(script, 2, status="CREATING")
    expect_existing(script, status="CREATE_FAILED")
    script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    if wait:
        expect_no_nodegroup(script)
        expect_no_template(script)
    options = params(state="absent")
    assert ensure_nodegroup(script.aws(wait=wait, poll_interval=3), options)["changed"]
    assert script.now == 3


def test_failed_delete_says_why(script: ScriptedAws) -> None:
    expect_existing(script, status="DELETING")
    issues = [{"code": "Ec2SecurityGroupDeletionFailure", "message": "in use"}]
    expect_existing(script, status="DELETE_FAILED", health={"issues": issues})
    with pytest.raises(AwsError, match="DELETE_FAILED: Ec2SecurityGroupDeletionFailure: in use"):
        ensure_nodegroup(script.aws(), params(state="absent"))


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent_nodegroup_needs_no_deletion(script: ScriptedAws, check_mode: bool) -> None:
    expect_no_nodegroup(script)
    expect_no_template(script)
    aws = script.aws(check_mode=check_mode)
    assert not ensure_nodegroup(aws, params(state="absent"))["changed"]
