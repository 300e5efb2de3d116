"""The node group of the tests, and what AWS is expected to be asked about it."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Fields

from support.scripted_aws import ScriptedAws

NAMES = {"clusterName": "mlops", "nodegroupName": "gpu"}
ARN = "arn:aws:eks:eu-west-1:123456789012:nodegroup/mlops/gpu/1"
ROLE = "arn:aws:iam::123456789012:role/node"
GROUP = {"ResourceId": "eks-gpu", "ResourceType": "auto-scaling-group"}
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"
TEMPLATE_TAGS = {f"{TEMPLATE}/label/gpu": "true", f"{TEMPLATE}/taint/gpu": "true:NoSchedule"}

# What the options below ask of EKS.
CREATION: Fields = {
    **NAMES,
    "subnets": ["subnet-a", "subnet-b"],
    "nodeRole": ROLE,
    "instanceTypes": ["g4dn.xlarge"],
    "amiType": "AL2023_x86_64_NVIDIA",
    "scalingConfig": {"minSize": 0, "maxSize": 2, "desiredSize": 0},
    "labels": {"gpu": "true"},
    "taints": [{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
    "tags": {"Project": "mlops"},
}


def params(**changes: Any) -> Fields:
    """Return the module's options for the node group below."""
    return {
        "cluster_name": "mlops",
        "name": "gpu",
        "state": "present",
        "node_role": ROLE,
        "subnet_ids": ["subnet-b", "subnet-a"],
        "instance_types": ["g4dn.xlarge"],
        "check_gpu_capacity": False,
        "ami_type": "AL2023_x86_64_NVIDIA",
        "capacity_type": None,
        "disk_size": None,
        "launch_template": None,
        "version": None,
        "min_size": 0,
        "max_size": 2,
        "desired_size": None,
        "labels": {"gpu": "true"},
        "taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}],
        "max_unavailable": None,
        "node_template_tags": False,
        "node_template_resources": None,
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
        "version": "1.34",
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


def expect_existing(script: ScriptedAws, times: int = 1, **changes: Any) -> None:
    """Expect the node group to be looked at."""
    for _ in range(times):
        script.answer("eks", "describe_nodegroup", nodegroup(**changes), **NAMES)


def expect_cluster(script: ScriptedAws, **changes: Any) -> None:
    """Expect the cluster to be looked at."""
    subnets = {"subnetIds": ["subnet-a", "subnet-b"]}
    cluster = {"name": "mlops", "status": "ACTIVE", "version": "1.34", **changes}
    answer = {"cluster": {**cluster, "resourcesVpcConfig": subnets}}
    script.answer("eks", "describe_cluster", answer, name="mlops")


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


def expect_version_update(script: ScriptedAws, **request: Any) -> None:
    """Expect one update that replaces the nodes, which is done at the first look."""
    update = {"id": "v", "type": "VersionUpdate", "status": "InProgress"}
    script.answer("eks", "update_nodegroup_version", {"update": update}, **NAMES, **request)
    script.answer(
        "eks",
        "describe_update",
        {"update": update | {"status": "Successful"}},
        name="mlops",
        nodegroupName="gpu",
        updateId="v",
    )


def expect_no_nodegroup(script: ScriptedAws) -> None:
    """Expect a look for the node group that finds none."""
    script.refuse("eks", "describe_nodegroup", "ResourceNotFoundException")


def expect_no_template(script: ScriptedAws) -> None:
    """Expect a look for the launch template that finds none."""
    code = "InvalidLaunchTemplateName.NotFoundException"
    script.refuse("ec2", "describe_launch_template_versions", code)


def expect_template_tags(script: ScriptedAws, tags: dict[str, str]) -> None:
    """Expect the tags of the Auto Scaling group to be read."""
    script.answer(
        "autoscaling",
        "describe_tags",
        {"Tags": [{**GROUP, "Key": key, "Value": value} for key, value in tags.items()]},
        Filters=[{"Name": "auto-scaling-group", "Values": ["eks-gpu"]}],
    )


def expect_tagging(script: ScriptedAws, tags: dict[str, str]) -> None:
    """Expect the Auto Scaling group to get tags."""
    script.answer(
        "autoscaling",
        "create_or_update_tags",
        {},
        Tags=[
            {**GROUP, "Key": key, "Value": value, "PropagateAtLaunch": False}
            for key, value in tags.items()
        ],
    )
