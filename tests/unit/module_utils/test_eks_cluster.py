"""EKS clusters against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.eks import ensure_cluster
from ansible_collections.mlops.gpu_platform.tests.unit.scripted_aws import ScriptedAws

ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/mlops"
ROLE = "arn:aws:iam::123456789012:role/control"


def params(**changes: Any) -> Fields:
    """Return the module's options for the cluster below."""
    return {
        "name": "mlops",
        "state": "present",
        "role": "control",
        "version": "1.34",
        "subnet_ids": ["subnet-b", "subnet-a"],
        "subnet_filters": None,
        "security_group_ids": None,
        "endpoint_private_access": True,
        "endpoint_public_access": True,
        "public_access_cidrs": ["192.0.2.0/24"],
        "logging": ["audit", "api"],
        "authentication_mode": "API",
        "tags": {"Project": "mlops"},
        "purge_tags": True,
        **changes,
    }


def cluster(**changes: Any) -> Fields:
    """Return an answer of DescribeCluster."""
    network = {
        "subnetIds": ["subnet-a", "subnet-b"],
        "securityGroupIds": [],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["192.0.2.0/24"],
        **changes.pop("network", {}),
    }
    described = {
        "name": "mlops",
        "arn": ARN,
        "status": "ACTIVE",
        "version": "1.34",
        "roleArn": ROLE,
        "resourcesVpcConfig": network,
        "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
        "accessConfig": {"authenticationMode": "API"},
        "tags": {"Project": "mlops"},
        **changes,
    }
    return {"cluster": described}


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_update(script: ScriptedAws, method: str, kind: str, **request: Any) -> None:
    """Expect an update, a look at it while it is in progress, and one when it is done."""
    update = {"id": "u", "type": kind}
    script.answer("eks", method, {"update": update | {"status": "InProgress"}}, **request)
    for status in ("InProgress", "Successful"):
        script.answer(
            "eks",
            "describe_update",
            {"update": update | {"status": status}},
            name="mlops",
            updateId="u",
        )


def test_create_sends_every_option_and_waits(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    role = {"Path": "/", "RoleName": "control", "RoleId": "A" * 16, "Arn": ROLE}
    role_answer = {"Role": role | {"CreateDate": "2026-01-01T00:00:00Z"}}
    script.answer("iam", "get_role", role_answer, RoleName="control")
    script.answer(
        "eks",
        "create_cluster",
        cluster(status="CREATING"),
        name="mlops",
        version="1.34",
        roleArn=ROLE,
        resourcesVpcConfig={
            "subnetIds": ["subnet-a", "subnet-b"],
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["192.0.2.0/24"],
        },
        logging={
            "clusterLogging": [
                {"types": ["api", "audit"], "enabled": True},
                {"types": ["authenticator", "controllerManager", "scheduler"], "enabled": False},
            ]
        },
        accessConfig={"authenticationMode": "API"},
        tags={"Project": "mlops"},
    )
    script.answer("eks", "describe_cluster", cluster(status="CREATING"), name="mlops")
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    result = ensure_cluster(script.aws(poll_interval=10), params())
    assert result["changed"]
    assert result["cluster"]["status"] == "ACTIVE"
    assert result["diff"]["before"] == {}
    assert script.now == 10


def test_create_without_wait_returns_at_once(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    script.stub("eks").add_response("create_cluster", cluster(status="CREATING"))
    result = ensure_cluster(script.aws(wait=False), params(role=ROLE))
    assert result["cluster"]["status"] == "CREATING"


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    result = ensure_cluster(script.aws(check_mode=True), params(subnet_ids=["subnet-planned"]))
    assert result["changed"]
    assert result["cluster"] == {"name": "mlops", "status": "PLANNED", "version": "1.34"}


def test_unknown_role_is_named(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    script.refuse("iam", "get_role", "NoSuchEntity")
    with pytest.raises(AwsError, match="there is no IAM role named control"):
        ensure_cluster(script.aws(), params())


@pytest.mark.parametrize("role", ["control", ROLE])
def test_second_run_changes_nothing(script: ScriptedAws, role: str) -> None:
    for _ in range(2):
        script.answer("eks", "describe_cluster", cluster(), name="mlops")
    result = ensure_cluster(script.aws(), params(role=role))
    assert not result["changed"]


def test_options_that_are_not_set_are_left_alone(script: ScriptedAws) -> None:
    for _ in range(2):
        script.answer("eks", "describe_cluster", cluster(), name="mlops")
    unset = dict.fromkeys(("version", "logging", "authentication_mode", "tags"))
    assert not ensure_cluster(script.aws(), params(**unset))["changed"]


def test_each_kind_of_change_is_an_update_of_its_own(script: ScriptedAws) -> None:
    before = cluster(
        version="1.33",
        network={"subnetIds": ["subnet-a", "subnet-c"], "publicAccessCidrs": ["0.0.0.0/0"]},
        logging={"clusterLogging": []},
        accessConfig={"authenticationMode": "CONFIG_MAP"},
        tags={"Project": "mlops", "old": "1"},
    )
    for _ in range(2):
        script.answer("eks", "describe_cluster", before, name="mlops")
    expect_update(script, "update_cluster_version", "VersionUpdate", name="mlops", version="1.34")
    kinds: list[tuple[str, Fields]] = [
        (
            "EndpointAccessUpdate",
            {
                "resourcesVpcConfig": {
                    "endpointPrivateAccess": True,
                    "endpointPublicAccess": True,
                    "publicAccessCidrs": ["192.0.2.0/24"],
                }
            },
        ),
        ("VpcConfigUpdate", {"resourcesVpcConfig": {"subnetIds": ["subnet-a", "subnet-b"]}}),
        (
            "LoggingUpdate",
            {
                "logging": {
                    "clusterLogging": [
                        {"types": ["api", "audit"], "enabled": True},
                        {
                            "types": ["authenticator", "controllerManager", "scheduler"],
                            "enabled": False,
                        },
                    ]
                }
            },
        ),
        ("AccessConfigUpdate", {"accessConfig": {"authenticationMode": "API"}}),
    ]
    for kind, request in kinds:
        expect_update(script, "update_cluster_config", kind, name="mlops", **request)
    script.answer("eks", "untag_resource", {}, resourceArn=ARN, tagKeys=["old"])
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    result = ensure_cluster(script.aws(), params())
    assert result["changed"]
    assert result["diff"]["before"]["version"] == "1.33"
    assert result["diff"]["after"]["version"] == "1.34"


def test_check_mode_reports_a_change_and_sends_none(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    result = ensure_cluster(script.aws(check_mode=True), params(logging=["api"]))
    assert result["changed"]
    assert result["diff"]["after"]["logging"] == ["api"]


def test_ranges_of_a_closed_public_endpoint_do_not_matter(script: ScriptedAws) -> None:
    closed = cluster(network={"endpointPublicAccess": False, "publicAccessCidrs": ["0.0.0.0/0"]})
    for _ in range(2):
        script.answer("eks", "describe_cluster", closed, name="mlops")
    result = ensure_cluster(
        script.aws(), params(endpoint_public_access=False, public_access_cidrs=[])
    )
    assert not result["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": "1.36"}, "EKS goes from 1.34 to 1.35 only, not to 1.36"),
        ({"version": "1.33"}, "EKS goes from 1.34 to 1.35 only, not to 1.33"),
        ({"role": "other"}, f"EKS cannot change {ROLE} to other"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_impossible_changes_are_refused(
    script: ScriptedAws, options: Fields, message: str, check_mode: bool
) -> None:
    for _ in range(1 if check_mode else 2):
        script.answer("eks", "describe_cluster", cluster(), name="mlops")
    with pytest.raises(AwsError, match=message):
        ensure_cluster(script.aws(check_mode=check_mode), params(**options))


def test_failed_update_says_why(script: ScriptedAws) -> None:
    for _ in range(2):
        script.answer("eks", "describe_cluster", cluster(), name="mlops")
    update = {"id": "u", "type": "LoggingUpdate", "status": "InProgress"}
    script.stub("eks").add_response("update_cluster_config", {"update": update})
    errors = [{"errorCode": "AccessDenied", "errorMessage": "no log group"}]
    failed = update | {"status": "Failed", "errors": errors}
    script.answer("eks", "describe_update", {"update": failed}, name="mlops", updateId="u")
    with pytest.raises(AwsError, match=r"LoggingUpdate .* is Failed: no log group"):
        ensure_cluster(script.aws(), params(logging=["api"]))


def test_failed_cluster_ends_the_wait_with_its_issues(script: ScriptedAws) -> None:
    issues = [{"code": "VpcIdNotFound", "message": "gone"}]
    failed = cluster(status="FAILED", health={"issues": issues})
    for _ in range(2):
        script.answer("eks", "describe_cluster", failed, name="mlops")
    with pytest.raises(AwsError, match="cluster mlops is FAILED: VpcIdNotFound: gone") as caught:
        ensure_cluster(script.aws(), params())
    assert caught.value.details == {"issues": issues}


def test_delete_waits_until_it_is_gone(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    script.answer("eks", "delete_cluster", cluster(status="DELETING"), name="mlops")
    script.answer("eks", "describe_cluster", cluster(status="DELETING"), name="mlops")
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    assert ensure_cluster(script.aws(), params(state="absent"))["changed"]


def test_delete_of_a_cluster_that_is_going_only_waits(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(status="DELETING"), name="mlops")
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    assert ensure_cluster(script.aws(), params(state="absent"))["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent_cluster_needs_no_deletion(script: ScriptedAws, check_mode: bool) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    aws = script.aws(check_mode=check_mode)
    assert not ensure_cluster(aws, params(state="absent"))["changed"]


def test_delete_in_check_mode_only_looks(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    assert ensure_cluster(script.aws(check_mode=True), params(state="absent"))["changed"]


def expect_subnets(script: ScriptedAws, *subnets: tuple[str, str, str]) -> None:
    """Expect a search for private subnets that finds these ids, zones and VPCs."""
    found = [
        {"SubnetId": subnet, "AvailabilityZone": zone, "VpcId": vpc}
        for subnet, zone, vpc in subnets
    ]
    filters = [{"Name": "tag:Name", "Values": ["mlops-private-*"]}]
    script.answer("ec2", "describe_subnets", {"Subnets": found}, Filters=filters)


BY_NAME = {"subnet_ids": None, "subnet_filters": {"tag:Name": "mlops-private-*"}}


def test_subnets_are_found_by_filters(script: ScriptedAws) -> None:
    for _ in range(2):
        script.answer("eks", "describe_cluster", cluster(), name="mlops")
    expect_subnets(script, ("subnet-b", "1b", "vpc-1"), ("subnet-a", "1a", "vpc-1"))
    assert not ensure_cluster(script.aws(), params(**BY_NAME))["changed"]


@pytest.mark.parametrize(
    "subnets",
    [
        [],
        [("subnet-a", "1a", "vpc-1"), ("subnet-b", "1a", "vpc-1")],
        [("subnet-a", "1a", "vpc-1"), ("subnet-b", "1b", "vpc-2")],
    ],
    ids=["none", "one zone", "two VPCs"],
)
def test_filters_that_find_the_wrong_subnets(
    script: ScriptedAws, subnets: list[tuple[str, str, str]]
) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    expect_subnets(script, *subnets)
    with pytest.raises(AwsError, match=r"subnet_filters .* one VPC in at least two zones"):
        ensure_cluster(script.aws(), params(**BY_NAME))


def test_check_mode_goes_on_without_subnets(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    expect_subnets(script)
    assert ensure_cluster(script.aws(check_mode=True), params(**BY_NAME))["changed"]
