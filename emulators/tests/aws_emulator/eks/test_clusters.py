"""Clusters of the emulated EKS, through boto3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)
from botocore.exceptions import ClientError

INTERFACES = [{"Name": "description", "Values": ["Amazon EKS mlops"]}]


def test_cluster_keeps_access_config_and_fills_in_the_network(eks: Any, cluster: str) -> None:
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert described["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": True,
    }
    network = described["resourcesVpcConfig"]
    assert network["vpcId"].startswith("vpc-")
    assert network["endpointPrivateAccess"] is True
    assert network["publicAccessCidrs"] == ["0.0.0.0/0"]


def test_cluster_has_a_security_group_and_interfaces_that_end_with_it(
    eks: Any, client: Callable[[str], Any], subnets: list[str], service_roles: dict[str, str]
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="mlops", roleArn=service_roles["eks"], resourcesVpcConfig=network)
    ec2 = client("ec2")
    interfaces = ec2.describe_network_interfaces(Filters=INTERFACES)["NetworkInterfaces"]
    assert {each["SubnetId"] for each in interfaces} == set(subnets)
    described = eks.describe_cluster(name="mlops")["cluster"]
    key = described["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert {group["GroupId"] for each in interfaces for group in each["Groups"]} == {key}
    (group,) = ec2.describe_security_groups(GroupIds=[key])["SecurityGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    assert tags["kubernetes.io/cluster/mlops"] == "owned"
    assert tags["Name"].startswith("eks-cluster-sg-mlops-")
    check_refusals(ec2, [("delete_security_group", {"GroupId": key}, "DependencyViolation", key)])

    eks.delete_cluster(name="mlops")
    assert ec2.describe_network_interfaces(Filters=INTERFACES)["NetworkInterfaces"] == []
    check_refusals(
        ec2, [("describe_security_groups", {"GroupIds": [key]}, "InvalidGroup.NotFound", key)]
    )


def test_security_group_that_something_uses_outlives_the_cluster(
    eks: Any, client: Callable[[str], Any], subnets: list[str], service_roles: dict[str, str]
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="mlops", roleArn=service_roles["eks"], resourcesVpcConfig=network)
    described = eks.describe_cluster(name="mlops")["cluster"]
    key = described["resourcesVpcConfig"]["clusterSecurityGroupId"]
    ec2 = client("ec2")
    created = ec2.create_network_interface(SubnetId=subnets[0], Groups=[key])
    eks.delete_cluster(name="mlops")
    assert ec2.describe_security_groups(GroupIds=[key])["SecurityGroups"]
    interface = created["NetworkInterface"]["NetworkInterfaceId"]
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=key)


@pytest.fixture
def other_subnet(client: Callable[[str], Any]) -> Iterator[str]:
    """A subnet of another VPC, in the second zone."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    place = {"VpcId": vpc, "CidrBlock": "10.8.0.0/24", "AvailabilityZone": "eu-west-1b"}
    subnet = ec2.create_subnet(**place)["Subnet"]["SubnetId"]
    yield subnet
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_clusters_that_eks_refuses(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str], other_subnet: str
) -> None:
    network = {"subnetIds": subnets}
    good = {"name": "new", "roleArn": service_roles["eks"], "resourcesVpcConfig": network}
    bad = "InvalidParameterException"
    absent = "arn:aws:iam::123456789012:role/absent"
    no_endpoint = {**network, "endpointPublicAccess": False}
    two_vpcs = {"subnetIds": [subnets[0], other_subnet]}
    overlap = {"serviceIpv4Cidr": "10.9.16.0/20"}
    key = {"keyArn": "arn:aws:kms:eu-west-1:123456789012:key/absent"}
    secrets = {"resources": ["secrets"], "provider": key}
    standard = {"supportType": "STANDARD"}
    refused: list[tuple[dict[str, Any], str, str]] = [
        ({"name": cluster}, "ResourceInUseException", "already exists with name: mlops"),
        ({"name": "-mlops"}, bad, "must start with an alphanumeric"),
        ({"version": "9.99"}, bad, "unsupported Kubernetes version 9.99"),
        ({"version": "1.31", "upgradePolicy": standard}, bad, "1.31 is in extended support"),
        ({"roleArn": absent}, bad, "could not be assumed because it does not exist"),
        ({"roleArn": service_roles["ec2"]}, bad, "the trusted entity is not correct"),
        ({"resourcesVpcConfig": {"subnetIds": subnets[:1]}}, bad, "at least two different AZs"),
        ({"resourcesVpcConfig": {"subnetIds": ["subnet-0"]}}, bad, "subnet-0"),
        ({"resourcesVpcConfig": two_vpcs}, bad, "in the same VPC"),
        ({"resourcesVpcConfig": no_endpoint}, bad, "endpoint access cannot be false"),
        ({"resourcesVpcConfig": {**network, "securityGroupIds": ["sg-0"]}}, bad, "'sg-0'"),
        ({"kubernetesNetworkConfig": overlap}, bad, "overlaps with the CIDR block 10.9.0.0/16"),
        ({"encryptionConfig": [secrets]}, bad, "key/absent is invalid"),
    ]
    check_refusals(
        eks, [("create_cluster", good | change, code, text) for change, code, text in refused]
    )
    assert eks.list_clusters()["clusters"] == [cluster]


def test_secrets_are_encrypted_once(eks: Any, client: Callable[[str], Any], cluster: str) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/mlops", TargetKeyId=key["KeyId"])
    config = [{"resources": ["secrets"], "provider": {"keyArn": "alias/mlops"}}]
    update = eks.associate_encryption_config(clusterName=cluster, encryptionConfig=config)["update"]
    assert update["type"] == "AssociateEncryptionConfig"
    (encryption,) = eks.describe_cluster(name=cluster)["cluster"]["encryptionConfig"]
    assert encryption == {"resources": ["secrets"], "provider": {"keyArn": key["Arn"]}}
    again = {"clusterName": cluster, "encryptionConfig": config}
    refusal = ("associate_encryption_config", again, "InvalidRequestException", "already has")
    check_refusals(eks, [refusal])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)


def test_key_that_ends_does_not_encrypt(
    eks: Any, client: Callable[[str], Any], cluster: str
) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    config = [{"resources": ["secrets"], "provider": {"keyArn": key["Arn"]}}]
    asked = {"clusterName": cluster, "encryptionConfig": config}
    refusal = ("associate_encryption_config", asked, "InvalidParameterException", "is invalid")
    check_refusals(eks, [refusal])


def test_protected_cluster_is_not_deleted(eks: Any, cluster: str) -> None:
    assert eks.describe_cluster(name=cluster)["cluster"]["deletionProtection"] is False
    update = eks.update_cluster_config(name=cluster, deletionProtection=True)["update"]
    assert update["type"] == "DeletionProtectionUpdate"
    assert eks.describe_cluster(name=cluster)["cluster"]["deletionProtection"] is True
    refusal = ("delete_cluster", {"name": cluster}, "InvalidRequestException", "protection")
    check_refusals(eks, [refusal])
    eks.update_cluster_config(name=cluster, deletionProtection=False)


def test_cluster_with_node_groups_is_not_deleted(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> None:
    names = {"clusterName": cluster, "nodegroupName": "system"}
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    role = service_roles["ec2"]
    eks.create_nodegroup(**names, subnets=subnets, nodeRole=role, scalingConfig=scaling)
    refusal = ("delete_cluster", {"name": cluster}, "ResourceInUseException", "nodegroups attached")
    check_refusals(eks, [refusal])
    eks.delete_nodegroup(**names)


def test_support_type(eks: Any, cluster: str) -> None:
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert described["upgradePolicy"] == {"supportType": "EXTENDED"}
    standard = {"supportType": "STANDARD"}
    update = eks.update_cluster_config(name=cluster, upgradePolicy=standard)["update"]
    assert update["type"] == "UpgradePolicyUpdate"
    assert eks.describe_cluster(name=cluster)["cluster"]["upgradePolicy"] == standard


def test_authentication_mode_goes_one_step_on(
    eks: Any, subnets: list[str], service_roles: dict[str, str]
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="old", roleArn=service_roles["eks"], resourcesVpcConfig=network)

    def go_to(mode: str) -> dict[str, Any]:
        return {"name": "old", "accessConfig": {"authenticationMode": mode}}

    bad, text = "InvalidParameterException", "Unsupported authentication mode update"
    check_refusals(eks, [("update_cluster_config", go_to("API"), bad, text)])
    eks.update_cluster_config(**go_to("API_AND_CONFIG_MAP"))
    check_refusals(eks, [("update_cluster_config", go_to("CONFIG_MAP"), bad, text)])
    eks.update_cluster_config(**go_to("API"))
    access = eks.describe_cluster(name="old")["cluster"]["accessConfig"]
    assert access["authenticationMode"] == "API"
    eks.delete_cluster(name="old")


def test_clusters_have_issuers_of_their_own(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="other", roleArn=service_roles["eks"], resourcesVpcConfig=network)
    issuers = {
        eks.describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"]
        for name in (cluster, "other")
    }
    assert len(issuers) == 2
    for issuer in issuers:
        assert re.fullmatch(r"https://oidc\.eks\.eu-west-1\.amazonaws\.com/id/[0-9A-F]{32}", issuer)
    eks.delete_cluster(name="other")


def test_config_update_merges_and_can_be_described(eks: Any, cluster: str) -> None:
    update = eks.update_cluster_config(
        name=cluster,
        resourcesVpcConfig={"endpointPublicAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]},
    )["update"]
    described = eks.describe_update(name=cluster, updateId=update["id"])["update"]
    assert (described["type"], described["status"]) == ("EndpointAccessUpdate", "Successful")
    network = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    assert network["publicAccessCidrs"] == ["192.0.2.0/24"]
    assert network["endpointPrivateAccess"] is True
    assert len(network["subnetIds"]) == 2


def test_config_update_takes_one_kind_of_change(eks: Any, cluster: str) -> None:
    with pytest.raises(ClientError, match="Only one type of update"):
        eks.update_cluster_config(
            name=cluster,
            resourcesVpcConfig={"endpointPublicAccess": False},
            accessConfig={"authenticationMode": "API"},
        )


def test_logging_update_leaves_the_types_that_it_does_not_name(eks: Any, cluster: str) -> None:
    for types, enabled in ((["api", "audit"], True), (["api"], False)):
        eks.update_cluster_config(
            name=cluster, logging={"clusterLogging": [{"types": types, "enabled": enabled}]}
        )
    setups = eks.describe_cluster(name=cluster)["cluster"]["logging"]["clusterLogging"]
    assert [setup["types"] for setup in setups if setup["enabled"]] == [["audit"]]


def test_version_goes_up_by_one_minor(eks: Any, cluster: str) -> None:
    with pytest.raises(ClientError, match="Unsupported Kubernetes minor version update"):
        eks.update_cluster_version(name=cluster, version="1.35")
    eks.update_cluster_version(name=cluster, version="1.34")
    assert eks.describe_cluster(name=cluster)["cluster"]["version"] == "1.34"


def test_unknown_update_is_not_found(eks: Any, cluster: str) -> None:
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_update(name=cluster, updateId="none")


def test_update_that_changes_nothing_is_refused(eks: Any, cluster: str) -> None:
    with pytest.raises(ClientError, match="already at the desired config"):
        eks.update_cluster_config(name=cluster, resourcesVpcConfig={"endpointPublicAccess": True})


def test_subnets_of_a_cluster_can_be_changed(
    eks: Any, client: Callable[[str], Any], cluster: str, subnets: list[str]
) -> None:
    ec2 = client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=subnets[:1])["Subnets"][0]["VpcId"]
    third = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.2.0/24", AvailabilityZone="eu-west-1c")
    third = third["Subnet"]["SubnetId"]
    eks.update_cluster_config(name=cluster, resourcesVpcConfig={"subnetIds": [subnets[0], third]})
    network = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    assert network["subnetIds"] == [subnets[0], third]
    assert network["endpointPrivateAccess"] is True
    interfaces = ec2.describe_network_interfaces(Filters=INTERFACES)["NetworkInterfaces"]
    assert {each["SubnetId"] for each in interfaces} == {subnets[0], third}
    eks.update_cluster_config(name=cluster, resourcesVpcConfig={"subnetIds": subnets})
    ec2.delete_subnet(SubnetId=third)
