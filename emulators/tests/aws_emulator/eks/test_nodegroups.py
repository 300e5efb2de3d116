"""Node groups of the emulated EKS, through boto3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

SCALING = {"minSize": 0, "desiredSize": 0, "maxSize": 4}
TAINT = {"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}
DISK = {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 100}}]}
TAGGED = {
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "Platform", "Value": "mlops"}]}
    ]
}
NODE_TEMPLATE_TAINT = "k8s.io/cluster-autoscaler/node-template/taint/gpu"


Create = Callable[..., dict[str, str]]


@pytest.fixture
def create(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> Iterator[Create]:
    """A function that creates node groups at size 0, and returns the names that address one."""

    def create_nodegroup(name: str = "gpu", **options: Any) -> dict[str, str]:
        names = {"clusterName": cluster, "nodegroupName": name}
        request = {"subnets": subnets, "nodeRole": service_roles["ec2"], "scalingConfig": SCALING}
        eks.create_nodegroup(**names, **{**request, **options})
        return names

    yield create_nodegroup
    for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
        eks.delete_nodegroup(clusterName=cluster, nodegroupName=name)


@pytest.fixture
def nodegroup(create: Create) -> dict[str, str]:
    """The names that address a node group with a taint, at size 0."""
    return create(
        amiType="AL2023_x86_64_NVIDIA",
        updateConfig={"maxUnavailable": 2},
        taints=[TAINT],
    )


@pytest.fixture
def template(client: Callable[[str], Any]) -> Iterator[str]:
    """The id of a launch template named mlops-gpu, with two versions; the first is the default."""
    ec2 = client("ec2")
    created = ec2.create_launch_template(LaunchTemplateName="mlops-gpu", LaunchTemplateData=DISK)
    key = created["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=key, LaunchTemplateData=TAGGED)
    yield key
    ec2.delete_launch_template(LaunchTemplateId=key)


def test_nodegroup_keeps_update_config_and_cluster_version(
    eks: Any, nodegroup: dict[str, str]
) -> None:
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["updateConfig"] == {"maxUnavailable": 2}
    assert described["version"] == "1.33"
    assert described["releaseVersion"] == "1.33.7-20260215"
    assert described["status"] == "ACTIVE"
    assert "remoteAccess" not in described


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amiType": "AL2077_x86_64"}, "AMI type AL2077_x86_64 does not exist"),
        ({"amiType": "AL2_x86_64_GPU"}, "only supported for kubernetes versions 1.32 or earlier"),
        ({"amiType": "AL2023_ARM_64_STANDARD"}, "not a valid instance type for requested amiType"),
        ({"subnets": ["subnet-absent"]}, "subnet-absent"),
        ({"scalingConfig": {"minSize": 2, "desiredSize": 1, "maxSize": 3}}, "minSize <= desired"),
        ({"instanceTypes": ["g4dn.xlarge", "g4dn.x"]}, r"types do not exist: \[g4dn.x\]"),
        ({"version": "1.34"}, "1.34 cannot be newer than the cluster's 1.33"),
        ({"version": "1.3"}, "unsupported Kubernetes version 1.3"),
        ({"labels": {"node-role.kubernetes.io/gpu": "a"}}, "reserved prefixes"),
        ({"labels": {"a": "b" * 64}}, "at most 63 characters"),
        ({"taints": [TAINT, TAINT]}, "unique combinations"),
        ({"taints": [{**TAINT, "key": str(n)} for n in range(51)]}, "at most 50, got 51"),
        ({"nodeRole": "arn:aws:iam::123456789012:role/absent"}, "does not exist"),
        ({"nodeRole": "arn:aws:iam::123456789012:role/mlops-eks"}, "ec2.amazonaws.com"),
        ({"launchTemplate": {"name": "absent"}}, "template name absent, does not exist"),
        ({"launchTemplate": {"id": "lt-0"}}, "lt-0, does not exist"),
        ({"launchTemplate": {"version": "1"}}, "Either provide launch template ID or"),
        ({"launchTemplate": {"name": "mlops-gpu", "version": "3"}}, "specified version 3"),
        ({"launchTemplate": {"name": "mlops-gpu"}, "diskSize": 50}, "Disk size must be specified"),
    ],
)
@pytest.mark.usefixtures("template")
def test_nodegroup_that_eks_refuses(
    eks: Any, create: Create, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(eks.exceptions.InvalidParameterException, match=message):
        create("bad", **change)
    assert eks.list_nodegroups(clusterName="mlops")["nodegroups"] == []


def test_nodegroup_without_sizes_has_two_nodes(
    eks: Any, client: Callable[[str], Any], create: Create
) -> None:
    names = create(scalingConfig={})
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert described["scalingConfig"] == {"minSize": 1, "desiredSize": 2, "maxSize": 2}
    assert len(instances_of(client, described)) == 2


def test_nodegroup_outside_of_the_cluster_is_refused(
    eks: Any, client: Callable[[str], Any], create: Create
) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(eks.exceptions.InvalidParameterException, match="not in the VPC"):
        create(subnets=[subnet])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_nodegroup_of_a_launch_template(
    eks: Any, client: Callable[[str], Any], create: Create, template: str
) -> None:
    scaling = {**SCALING, "desiredSize": 1}
    names = create(launchTemplate={"name": "mlops-gpu"}, scalingConfig=scaling)
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert described["launchTemplate"] == {"id": template, "name": "mlops-gpu", "version": "1"}
    assert described["instanceTypes"] == ["t3.medium"]
    assert "diskSize" not in described

    update = eks.update_nodegroup_version(
        **names, launchTemplate={"id": template, "version": "$Latest"}
    )["update"]
    assert (update["type"], update["status"]) == ("VersionUpdate", "InProgress")
    params = {each["type"]: each["value"] for each in update["params"]}
    assert params["LaunchTemplateVersion"] == "2"
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert described["launchTemplate"]["version"] == "2"
    (instance,) = instances_of(client, described)
    assert {"Key": "Platform", "Value": "mlops"} in instance["Tags"]
    assert instance["InstanceType"] == "t3.medium"


def instances_of(client: Callable[[str], Any], nodegroup: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the instances of the Auto Scaling group behind a node group."""
    (group,) = client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[nodegroup["resources"]["autoScalingGroups"][0]["name"]]
    )["AutoScalingGroups"]
    ids = [instance["InstanceId"] for instance in group["Instances"]]
    (reservation,) = client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    instances: list[dict[str, Any]] = reservation["Instances"]
    return instances


def test_template_with_an_image_and_a_type(
    eks: Any, client: Callable[[str], Any], create: Create, template: str
) -> None:
    client("ec2").create_launch_template_version(
        LaunchTemplateId=template,
        LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "g4dn.xlarge"},
    )
    asked = {"id": template, "version": "3"}
    names = create(launchTemplate=asked)
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert (described["amiType"], described["releaseVersion"]) == ("CUSTOM", "ami-12345678")
    assert "instanceTypes" not in described
    bad, other = "InvalidParameterException", {"id": template, "version": "1"}
    check_refusals(
        eks,
        [
            ("update_nodegroup_version", {**names, "version": "1.33"}, bad, "specify version"),
            ("update_nodegroup_version", {**names, "launchTemplate": other}, bad, "of its own"),
        ],
    )
    for field, value in (("amiType", "AL2023_x86_64_NVIDIA"), ("instanceTypes", ["t3.large"])):
        with pytest.raises(eks.exceptions.InvalidParameterException, match="cannot"):
            create("other", launchTemplate=asked, **{field: value})


def test_template_that_sets_what_eks_sets_is_refused(
    eks: Any, client: Callable[[str], Any], create: Create, template: str
) -> None:
    client("ec2").create_launch_template_version(
        LaunchTemplateId=template, LaunchTemplateData={"IamInstanceProfile": {"Name": "a"}}
    )
    with pytest.raises(eks.exceptions.InvalidParameterException, match="IamInstanceProfile"):
        create(launchTemplate={"id": template, "version": "3"})


def test_version_of_the_nodes_follows_the_cluster(eks: Any, create: Create, template: str) -> None:
    names, bad = create(version="1.32"), "InvalidParameterException"
    asked = {"id": template, "version": "1"}
    check_refusals(
        eks,
        [
            ("update_nodegroup_version", {**names, "version": "1.34"}, bad, "cannot be newer"),
            ("update_nodegroup_version", {**names, "version": "1.31"}, bad, "cannot go back"),
            ("update_nodegroup_version", {**names, "launchTemplate": asked}, bad, "added or"),
        ],
    )
    update = eks.update_nodegroup_version(**names, version="1.33")["update"]
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_update(name="mlops", updateId=update["id"])
    done = eks.describe_update(name="mlops", nodegroupName="gpu", updateId=update["id"])["update"]
    assert done["status"] == "Successful"
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert (described["version"], described["releaseVersion"]) == ("1.33", "1.33.7-20260215")


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
    eks.update_nodegroup_config(**nodegroup, scalingConfig={"maxSize": 3})
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["scalingConfig"] == {"minSize": 0, "desiredSize": 1, "maxSize": 3}


def test_deleted_auto_scaling_group_is_a_health_issue(
    eks: Any, client: Callable[[str], Any], nodegroup: dict[str, str]
) -> None:
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    name = described["resources"]["autoScalingGroups"][0]["name"]
    client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=name)
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["status"] == "DEGRADED"
    (issue,) = described["health"]["issues"]
    assert (issue["code"], issue["resourceIds"]) == ("AutoScalingGroupNotFound", [name])


def test_deleted_nodegroup_leaves_nothing(
    eks: Any, client: Callable[[str], Any], create: Create
) -> None:
    names = create()
    update = eks.update_nodegroup_config(**names, labels={"addOrUpdateLabels": {"a": "b"}})[
        "update"
    ]
    assert eks.delete_nodegroup(**names)["nodegroup"]["status"] == "DELETING"
    assert client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert client("ec2").describe_launch_templates()["LaunchTemplates"] == []
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_nodegroup(**names)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_update(name="mlops", nodegroupName="gpu", updateId=update["id"])


def test_nodegroup_update_changes_labels_taints_and_update_config(
    eks: Any, nodegroup: dict[str, str]
) -> None:
    update = eks.update_nodegroup_config(
        **nodegroup,
        labels={"addOrUpdateLabels": {"a": "b"}},
        taints={"removeTaints": [{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}]},
        updateConfig={"maxUnavailablePercentage": 50},
    )["update"]
    assert eks.describe_update(name="mlops", nodegroupName="gpu", updateId=update["id"])["update"][
        "status"
    ] == ("Successful")
    described = eks.describe_nodegroup(**nodegroup)["nodegroup"]
    assert described["labels"] == {"a": "b"}
    assert not described.get("taints")
    assert described["updateConfig"] == {"maxUnavailablePercentage": 50}


def test_tags_of_a_nodegroup(eks: Any, nodegroup: dict[str, str]) -> None:
    arn = eks.describe_nodegroup(**nodegroup)["nodegroup"]["nodegroupArn"]
    eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2", "c": "3"})
    eks.untag_resource(resourceArn=arn, tagKeys=["a", "b"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}
    assert eks.describe_nodegroup(**nodegroup)["nodegroup"]["tags"] == {"c": "3"}
