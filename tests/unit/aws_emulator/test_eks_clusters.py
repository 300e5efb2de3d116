"""Clusters of the emulated EKS, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


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


def test_cluster_in_one_zone_is_refused(
    eks: Any, subnets: list[str], service_roles: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="at least two different AZs"):
        eks.create_cluster(
            name="one-zone",
            roleArn=service_roles["eks"],
            resourcesVpcConfig={"subnetIds": subnets[:1]},
        )


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
    ec2.delete_subnet(SubnetId=third)
