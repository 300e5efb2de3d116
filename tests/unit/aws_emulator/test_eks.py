"""Each correction to moto's EKS, through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/mlops"
SCALING = {"minSize": 0, "desiredSize": 0, "maxSize": 4}
NODE_TEMPLATE_TAINT = "k8s.io/cluster-autoscaler/node-template/taint/gpu"


@pytest.fixture
def nodegroup(eks: Any, cluster: str, subnets: list[str]) -> Iterator[dict[str, str]]:
    """The names that address a node group with a taint, at size 0."""
    names = {"clusterName": cluster, "nodegroupName": "gpu"}
    eks.create_nodegroup(
        **names,
        subnets=subnets,
        nodeRole=ROLE,
        amiType="AL2023_x86_64_NVIDIA",
        scalingConfig=SCALING,
        updateConfig={"maxUnavailable": 2},
        taints=[{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
    )
    yield names
    eks.delete_nodegroup(**names)


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


def test_cluster_in_one_zone_is_refused(eks: Any, subnets: list[str]) -> None:
    with pytest.raises(ClientError, match="at least two different AZs"):
        eks.create_cluster(
            name="one-zone", roleArn=ROLE, resourcesVpcConfig={"subnetIds": subnets[:1]}
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


def test_nodegroup_keeps_update_config_and_cluster_version(
    eks: Any, nodegroup: dict[str, str]
) -> None:
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["updateConfig"] == {"maxUnavailable": 2}
    assert described["version"] == "1.33"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amiType": "AL2077_x86_64"}, "AMI type AL2077_x86_64 does not exist"),
        ({"subnets": ["subnet-absent"]}, "subnet-absent"),
        ({"scalingConfig": {"minSize": 2, "desiredSize": 1, "maxSize": 3}}, "minSize <= desired"),
    ],
)
def test_nodegroup_that_eks_refuses(
    eks: Any, cluster: str, subnets: list[str], change: dict[str, Any], message: str
) -> None:
    request = {"subnets": subnets, "nodeRole": ROLE, "scalingConfig": SCALING, **change}
    with pytest.raises(ClientError, match=message):
        eks.create_nodegroup(clusterName=cluster, nodegroupName="bad", **request)
    assert eks.list_nodegroups(clusterName=cluster)["nodegroups"] == []


def test_auto_scaling_group_follows_the_nodegroup(
    eks: Any, client: Callable[[str], Any], nodegroup: dict[str, str]
) -> None:
    autoscaling = client("autoscaling")
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    name = described["resources"]["autoScalingGroups"][0]["name"]
    tag = {"Key": NODE_TEMPLATE_TAINT, "Value": "true:NoSchedule", "PropagateAtLaunch": False}
    autoscaling.create_or_update_tags(
        Tags=[{"ResourceId": name, "ResourceType": "auto-scaling-group", **tag}]
    )
    eks.update_nodegroup_config(**nodegroup, scalingConfig={"maxSize": 3, "desiredSize": 2})
    group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    group = group["AutoScalingGroups"][0]
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (0, 2, 3)
    assert len(group["Instances"]) == 2
    tags = {entry["Key"]: entry["Value"] for entry in group["Tags"]}
    assert tags[NODE_TEMPLATE_TAINT] == "true:NoSchedule"
    assert tags["k8s.io/cluster-autoscaler/mlops"] == "owned"


def test_desired_size_is_the_one_that_an_autoscaler_set(
    eks: Any, client: Callable[[str], Any], nodegroup: dict[str, str]
) -> None:
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    name = described["resources"]["autoScalingGroups"][0]["name"]
    client("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["scalingConfig"]["desiredSize"] == 1


def test_deleted_nodegroup_leaves_no_auto_scaling_group(
    eks: Any, client: Callable[[str], Any], cluster: str, subnets: list[str]
) -> None:
    names = {"clusterName": cluster, "nodegroupName": "short"}
    eks.create_nodegroup(**names, subnets=subnets, nodeRole=ROLE, scalingConfig=SCALING)
    eks.delete_nodegroup(**names)
    autoscaling = client("autoscaling")
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert autoscaling.describe_launch_configurations()["LaunchConfigurations"] == []


def test_nodegroup_update_changes_labels_taints_and_update_config(
    eks: Any, nodegroup: dict[str, str]
) -> None:
    update = eks.update_nodegroup_config(
        **nodegroup,
        labels={"addOrUpdateLabels": {"a": "b"}},
        taints={"removeTaints": [{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}]},
        updateConfig={"maxUnavailable": 1},
    )["update"]
    assert eks.describe_update(name="mlops", updateId=update["id"])["update"]["status"] == (
        "Successful"
    )
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["labels"] == {"a": "b"}
    assert not described.get("taints")
    assert described["updateConfig"] == {"maxUnavailable": 1}


def test_tags_of_a_nodegroup(eks: Any, nodegroup: dict[str, str]) -> None:
    arn = eks.describe_nodegroup(**nodegroup)["nodegroup"]["nodegroupArn"]
    eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2", "c": "3"})
    eks.untag_resource(resourceArn=arn, tagKeys=["a", "b"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}
    assert eks.describe_nodegroup(**nodegroup)["nodegroup"]["tags"] == {"c": "3"}


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
