"""EKS clusters against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.cluster import (
    ensure_cluster,
)
from support.scripted_aws import ScriptedAws
from support.scripted_eks import (
    expect_offers,
    expect_parts,
)

ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/mlops"
ROLE = "arn:aws:iam::123456789012:role/control"
KEY_ID = "11111111-2222-3333-4444-555555555555"
KEY = f"arn:aws:kms:eu-west-1:123456789012:key/{KEY_ID}"
ENCRYPTION = [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]


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
        "encryption_key": KEY,
        "support_type": "STANDARD",
        "deletion_protection": False,
        "force": False,
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
        "encryptionConfig": ENCRYPTION,
        "upgradePolicy": {"supportType": "STANDARD"},
        "deletionProtection": False,
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


def expect_no_cluster(script: ScriptedAws) -> None:
    """Expect a look for the cluster, which is not there, and one at the versions for a new one."""
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    expect_offers(script)


def test_create_sends_every_option_and_waits(script: ScriptedAws) -> None:
    expect_no_cluster(script)
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
        encryptionConfig=ENCRYPTION,
        upgradePolicy={"supportType": "STANDARD"},
        deletionProtection=False,
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
    expect_no_cluster(script)
    script.stub("eks").add_response("create_cluster", cluster(status="CREATING"))
    result = ensure_cluster(script.aws(wait=False), params(role=ROLE))
    assert result["cluster"]["status"] == "CREATING"


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    result = ensure_cluster(script.aws(check_mode=True), params(subnet_ids=["subnet-planned"]))
    assert result["changed"]
    assert result["cluster"] == {"name": "mlops"}


def test_unknown_role_is_named(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    script.refuse("iam", "get_role", "NoSuchEntity")
    with pytest.raises(AwsError, match="there is no IAM role named control"):
        ensure_cluster(script.aws(), params())


@pytest.mark.parametrize("role", ["control", ROLE])
def test_second_run_changes_nothing(script: ScriptedAws, role: str) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    result = ensure_cluster(script.aws(), params(role=role))
    assert not result["changed"]


def test_options_that_are_not_set_are_left_alone(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    options = ("version", "logging", "authentication_mode", "encryption_key", "support_type")
    unset = dict.fromkeys((*options, "deletion_protection", "tags"))
    assert not ensure_cluster(script.aws(), params(**unset))["changed"]


def test_each_kind_of_change_is_an_update_of_its_own(script: ScriptedAws) -> None:
    before = cluster(
        version="1.33",
        network={"subnetIds": ["subnet-a", "subnet-c"], "publicAccessCidrs": ["0.0.0.0/0"]},
        logging={"clusterLogging": []},
        accessConfig={"authenticationMode": "CONFIG_MAP"},
        encryptionConfig=[],
        upgradePolicy={"supportType": "EXTENDED"},
        deletionProtection=True,
        tags={"Project": "mlops", "old": "1"},
    )
    script.answer("eks", "describe_cluster", before, name="mlops")
    expect_offers(script)
    expect_parts(script)
    expect_update(script, "update_cluster_version", "VersionUpdate", name="mlops", version="1.34")
    expect_update(
        script,
        "associate_encryption_config",
        "AssociateEncryptionConfig",
        clusterName="mlops",
        encryptionConfig=ENCRYPTION,
    )
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
        ("AccessConfigUpdate", {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}),
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
        ("UpgradePolicyUpdate", {"upgradePolicy": {"supportType": "STANDARD"}}),
        ("DeletionProtectionUpdate", {"deletionProtection": False}),
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
        ({"authentication_mode": "CONFIG_MAP"}, "never goes back from API to CONFIG_MAP"),
        ({"role": "other"}, f"EKS cannot change {ROLE} to other"),
        ({"encryption_key": ""}, f"encrypts its secrets with {KEY}; EKS never .* no key"),
        ({"encryption_key": f"{KEY}-b"}, f"secrets with {KEY}; EKS never changes that to {KEY}-b"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_impossible_changes_are_refused(
    script: ScriptedAws, options: Fields, message: str, check_mode: bool
) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    with pytest.raises(AwsError, match=message):
        ensure_cluster(script.aws(check_mode=check_mode), params(**options))


def test_upgrade_is_checked_in_check_mode_too(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(version="1.33"), name="mlops")
    expect_offers(script)
    expect_parts(script, node_groups={"gpu": "1.30"})
    with pytest.raises(AwsError, match=r"cannot go from 1\.33 to 1\.34: node group gpu has 1\.30"):
        ensure_cluster(script.aws(check_mode=True), params())


@pytest.mark.parametrize("key", [KEY, KEY_ID])
def test_a_key_by_arn_or_id_is_not_looked_up(script: ScriptedAws, key: str) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    assert not ensure_cluster(script.aws(), params(encryption_key=key))["changed"]


def test_a_key_by_alias_is_the_one_behind_it(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(), name="mlops")
    metadata = {"KeyMetadata": {"KeyId": KEY_ID, "Arn": KEY}}
    script.answer("kms", "describe_key", metadata, KeyId="alias/mlops-eks")
    assert not ensure_cluster(script.aws(), params(encryption_key="alias/mlops-eks"))["changed"]


def test_a_key_that_does_not_exist_is_named(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    script.refuse("kms", "describe_key", "NotFoundException")
    with pytest.raises(AwsError, match="encryption_key: there is no KMS key alias/mlops-eks"):
        ensure_cluster(script.aws(), params(encryption_key="alias/mlops-eks"))


def test_check_mode_plans_with_a_key_that_does_not_exist_yet(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    script.refuse("kms", "describe_key", "NotFoundException")
    options = params(encryption_key="alias/mlops-eks")
    result = ensure_cluster(script.aws(check_mode=True), options)
    assert result["diff"]["after"]["encryption_key"] == "alias/mlops-eks"


def test_no_key_for_a_cluster_without_one_changes_nothing(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(encryptionConfig=[]), name="mlops")
    assert not ensure_cluster(script.aws(), params(encryption_key=""))["changed"]


def test_a_role_that_is_too_new_is_tried_again(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    message = f"Role with arn: {ROLE}, could not be assumed because it does not exist"
    script.refuse("eks", "create_cluster", "InvalidParameterException", message)
    script.stub("eks").add_response("create_cluster", cluster(status="CREATING"))
    assert ensure_cluster(script.aws(wait=False), params(role=ROLE))["changed"]
    assert script.now > 0


def test_failed_update_says_why(script: ScriptedAws) -> None:
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


@pytest.mark.parametrize("check_mode", [True, False])
def test_deletion_of_a_protected_cluster_is_refused(script: ScriptedAws, check_mode: bool) -> None:
    script.answer("eks", "describe_cluster", cluster(deletionProtection=True), name="mlops")
    with pytest.raises(AwsError, match="cluster mlops has deletion protection"):
        ensure_cluster(script.aws(check_mode=check_mode), params(state="absent"))


def test_force_turns_the_protection_off_first(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(deletionProtection=True), name="mlops")
    request = {"name": "mlops", "deletionProtection": False}
    expect_update(script, "update_cluster_config", "DeletionProtectionUpdate", **request)
    script.answer("eks", "delete_cluster", cluster(status="DELETING"), name="mlops")
    aws = script.aws(wait=False)
    assert ensure_cluster(aws, params(state="absent", force=True))["changed"]


def test_a_cluster_that_is_going_is_made_anew(script: ScriptedAws) -> None:
    script.answer("eks", "describe_cluster", cluster(status="DELETING"), name="mlops")
    expect_no_cluster(script)
    script.stub("eks").add_response("create_cluster", cluster(status="CREATING"))
    result = ensure_cluster(script.aws(wait=False), params(role=ROLE))
    assert result["changes"][0]["action"] == "create"


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
    expect_no_cluster(script)
    expect_subnets(script, *subnets)
    with pytest.raises(AwsError, match=r"subnet_filters .* one VPC in at least two zones"):
        ensure_cluster(script.aws(), params(**BY_NAME))


def test_check_mode_goes_on_without_subnets(script: ScriptedAws) -> None:
    expect_no_cluster(script)
    expect_subnets(script)
    assert ensure_cluster(script.aws(check_mode=True), params(**BY_NAME))["changed"]
