"""Access entries of the emulated EKS, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    Emulator,
    check_refusals,
)

POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
CREATOR = "arn:aws:iam::123456789012:user/moto"
CLUSTER_SCOPE = {"type": "cluster"}


@pytest.fixture
def entry(cluster: str, roles: dict[str, str]) -> dict[str, str]:
    """What names an entry; it is not created."""
    return {"clusterName": cluster, "principalArn": roles["mlops-a"]}


def test_entry_with_a_policy(eks: Any, entry: dict[str, str]) -> None:
    created = eks.create_access_entry(**entry, tags={"a": "1"})["accessEntry"]
    assert created["accessEntryArn"].startswith(
        "arn:aws:eks:eu-west-1:123456789012:access-entry/mlops/role/123456789012/mlops-a/"
    )
    assert (created["type"], created["kubernetesGroups"]) == ("STANDARD", [])
    principals = eks.list_access_entries(clusterName="mlops")["accessEntries"]
    assert principals == [entry["principalArn"], CREATOR]

    namespaces = {"type": "namespace", "namespaces": ["triton"]}
    for scope in (CLUSTER_SCOPE, namespaces):
        eks.associate_access_policy(**entry, policyArn=POLICY, accessScope=scope)
    listing = eks.list_associated_access_policies(**entry)
    assert [policy["accessScope"] for policy in listing["associatedAccessPolicies"]] == [namespaces]
    eks.disassociate_access_policy(**entry, policyArn=POLICY)
    assert eks.list_associated_access_policies(**entry)["associatedAccessPolicies"] == []

    arn = created["accessEntryArn"]
    eks.tag_resource(resourceArn=arn, tags={"b": "2"})
    eks.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert eks.describe_access_entry(**entry)["accessEntry"]["tags"] == {"b": "2"}
    eks.delete_access_entry(**entry)
    assert eks.list_access_entries(clusterName="mlops")["accessEntries"] == [CREATOR]


def test_refusals(eks: Any, entry: dict[str, str], roles: dict[str, str]) -> None:
    eks.create_access_entry(**entry)
    other = entry | {"principalArn": roles["mlops-b"]}
    absent = entry | {"principalArn": "arn:aws:iam::123456789012:role/absent"}
    bad = "InvalidParameterException"
    policy = {"policyArn": POLICY, "accessScope": CLUSTER_SCOPE}
    check_refusals(
        eks,
        [
            ("create_access_entry", entry, "ResourceInUseException", "already in use"),
            ("create_access_entry", absent, bad, "invalid principal"),
            ("create_access_entry", other | {"type": "NODE"}, bad, "The type NODE"),
            (
                "create_access_entry",
                other | {"kubernetesGroups": ["system:masters"]},
                bad,
                "cannot start with system:",
            ),
            (
                "create_access_entry",
                other | {"type": "EC2_LINUX", "kubernetesGroups": ["a"]},
                bad,
                "does not support",
            ),
            ("update_access_entry", entry | {"kubernetesGroups": ["system:a"]}, bad, "system:"),
            ("describe_access_entry", other, "ResourceNotFoundException", "mlops-b"),
            ("delete_access_entry", other, "ResourceNotFoundException", "mlops-b"),
            (
                "associate_access_policy",
                {**entry, **policy, "policyArn": POLICY + "s"},
                bad,
                "policyArn is invalid",
            ),
            (
                "associate_access_policy",
                {**entry, **policy, "accessScope": {"type": "namespace"}},
                bad,
                "Namespaces are required",
            ),
            (
                "disassociate_access_policy",
                {**entry, "policyArn": POLICY},
                "ResourceNotFoundException",
                "not associated",
            ),
        ],
    )


def test_creator_administers_the_cluster(eks: Any, cluster: str) -> None:
    entry = {"clusterName": cluster, "principalArn": CREATOR}
    (policy,) = eks.list_associated_access_policies(**entry)["associatedAccessPolicies"]
    assert policy["policyArn"].endswith("/AmazonEKSClusterAdminPolicy")
    assert policy["accessScope"] == {"type": "cluster", "namespaces": []}


def test_role_that_creates_a_cluster_administers_it(
    eks: Any,
    client: Callable[[str], Any],
    emulator: Emulator,
    subnets: list[str],
    service_roles: dict[str, str],
    roles: dict[str, str],
) -> None:
    session = {"RoleArn": roles["mlops-a"], "RoleSessionName": "ci"}
    keys = client("sts").assume_role(**session)["Credentials"]
    ci = boto3.client(
        "eks",
        endpoint_url=emulator.url,
        region_name="eu-west-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    for name, bootstrap in (("with", True), ("without", False)):
        ci.create_cluster(
            name=name,
            roleArn=service_roles["eks"],
            resourcesVpcConfig={"subnetIds": subnets},
            accessConfig={
                "authenticationMode": "API",
                "bootstrapClusterCreatorAdminPermissions": bootstrap,
            },
        )
        entries = eks.list_access_entries(clusterName=name)["accessEntries"]
        assert entries == ([roles["mlops-a"]] if bootstrap else [])
        eks.delete_cluster(name=name)


def test_nodes_are_let_in(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> None:
    names = {"clusterName": cluster, "nodegroupName": "system"}
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    role = service_roles["ec2"]
    eks.create_nodegroup(**names, subnets=subnets, nodeRole=role, scalingConfig=scaling)
    entry = eks.describe_access_entry(clusterName=cluster, principalArn=role)["accessEntry"]
    assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])
    eks.delete_nodegroup(**names)


def test_cluster_in_mode_config_map_has_none(
    eks: Any, subnets: list[str], service_roles: dict[str, str]
) -> None:
    eks.create_cluster(
        name="old", roleArn=service_roles["eks"], resourcesVpcConfig={"subnetIds": subnets}
    )
    refusal = "authentication mode must be set to one of [API, API_AND_CONFIG_MAP]"
    call = ("list_access_entries", {"clusterName": "old"}, "InvalidRequestException", refusal)
    check_refusals(eks, [call])
    eks.delete_cluster(name="old")
