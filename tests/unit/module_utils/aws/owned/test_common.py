"""Whose a resource is, and how each kind of listing tells it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned import (
    platform as aws_inventory,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.common import (
    Item,
    Owner,
    owned,
    owned_apart,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.ec2 import (
    LISTINGS,
    items_in,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.eks import eks_items
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.services import (
    LOAD_BALANCERS,
    tagged,
)
from support.scripted_aws import ScriptedAws

TAGS = {"Platform": "mlops", "ManagedBy": "mlops.gpu_platform"}
OWNER = Owner(TAGS, "mlops")
TAG_LIST = [{"Key": key, "Value": value} for key, value in TAGS.items()]
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer"


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({**TAGS, "Name": "x"}, "tag"),
        ({"Platform": "mlops"}, None),
        ({**TAGS, "Platform": "other"}, None),
        ({"kubernetes.io/cluster/mlops": "owned"}, "cluster"),
        ({"kubernetes.io/cluster/mlops": "shared"}, None),
        ({"kubernetes.io/cluster/mlops-dev": "owned"}, None),
        ({"elbv2.k8s.aws/cluster": "mlops"}, "cluster"),
        ({}, None),
    ],
)
def test_all_owner_tags_or_one_mark_of_the_cluster(tags: dict[str, str], why: str | None) -> None:
    assert OWNER.claim(tags) == why


def listing(method: str) -> Any:
    return next(listing for listing in LISTINGS if listing.method == method)


def volume(id_: str, tags: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return {"VolumeId": id_, "Size": 8, "State": "available", "Tags": tags, **more}


def test_disks_that_go_with_their_instance_are_no_volumes_of_their_own() -> None:
    with ScriptedAws() as script:
        disk = [{"InstanceId": "i-1", "DeleteOnTermination": True}]
        claim = [{"InstanceId": "i-1", "DeleteOnTermination": False}]
        volumes = [
            volume("vol-1", TAG_LIST),
            volume("vol-2", TAG_LIST, Attachments=disk, State="in-use"),
            volume("vol-3", TAG_LIST, Attachments=claim, State="in-use"),
            volume("vol-4", TAG_LIST, State="deleting"),
            volume("vol-5", []),
        ]
        script.answer("ec2", "describe_volumes", {"Volumes": volumes})
        found = list(owned(script.aws(), OWNER, [listing("describe_volumes")]))
    assert found == [
        Item("AWS::EC2::Volume", id_, id_, "tag", {"size": 8}) for id_ in ("vol-1", "vol-3")
    ]


def test_what_is_in_a_vpc_of_the_owner_belongs_without_tags() -> None:
    with ScriptedAws() as script:
        where = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
        groups = [
            {"GroupId": "sg-1", "GroupName": "default"},
            {"GroupId": "sg-2", "GroupName": "k8s-elb"},
        ]
        interfaces = [
            {"NetworkInterfaceId": "eni-1", "Status": "in-use", "Description": "node"},
            {"NetworkInterfaceId": "eni-2", "Status": "available", "Description": "aws-K8S"},
        ]
        script.answer("ec2", "describe_security_groups", {"SecurityGroups": groups}, Filters=where)
        answer = {"NetworkInterfaces": interfaces}
        script.answer("ec2", "describe_network_interfaces", answer, Filters=where)
        found = list(items_in(script.aws(), OWNER, ["vpc-1"]))
    assert found == [
        Item("AWS::EC2::SecurityGroup", "sg-2", "k8s-elb", "vpc"),
        Item("AWS::EC2::NetworkInterface", "eni-2", "aws-K8S", "vpc"),
    ]


def test_load_balancers_are_asked_for_their_tags_twenty_at_a_time() -> None:
    with ScriptedAws() as script:
        balancers = [
            {
                "LoadBalancerArn": f"{ARN}/{number}",
                "LoadBalancerName": f"lb-{number}",
                "VpcId": "vpc-1" if number == 20 else "vpc-2",
                "Type": "network",
            }
            for number in range(21)
        ]
        script.answer("elbv2", "describe_load_balancers", {"LoadBalancers": balancers})
        arns = [balancer["LoadBalancerArn"] for balancer in balancers]
        mark = [{"Key": "elbv2.k8s.aws/cluster", "Value": "mlops"}]
        told = [{"ResourceArn": arns[3], "Tags": mark}]
        script.answer("elbv2", "describe_tags", {"TagDescriptions": told}, ResourceArns=arns[:20])
        script.answer("elbv2", "describe_tags", {"TagDescriptions": []}, ResourceArns=arns[20:])
        found = list(owned_apart(script.aws(), OWNER, LOAD_BALANCERS[:1], {"vpc-1"}))
    assert [(item.name, item.why, item.properties) for item in found] == [
        ("lb-3", "cluster", {"type": "network"}),
        ("lb-20", "vpc", {"type": "network"}),
    ]


def test_a_cluster_of_somebody_else_is_not_looked_into() -> None:
    with ScriptedAws() as script:
        script.answer("eks", "list_clusters", {"clusters": ["theirs"]})
        script.answer("eks", "describe_cluster", {"cluster": {"tags": {}}}, name="theirs")
        assert list(eks_items(script.aws(), OWNER)) == []


def test_keys_that_await_their_deletion_and_services_that_are_listed_do_not_count() -> None:
    prefix = "arn:aws:{}:eu-west-1:123456789012:{}"
    arns = [
        prefix.format("ec2", "natgateway/nat-long-gone"),
        prefix.format("kms", "key/kept"),
        prefix.format("kms", "key/going"),
        prefix.format("logs", "log-group:/aws/vpc/mlops"),
        prefix.format("logs", "log-group:/aws/eks/mlops/cluster"),
        prefix.format("sns", "mlops-alerts"),
    ]
    with ScriptedAws() as script:
        filters = [{"Key": key, "Values": [value]} for key, value in TAGS.items()]
        mappings = {"ResourceTagMappingList": [{"ResourceARN": arn} for arn in arns]}
        script.answer("resourcegroupstaggingapi", "get_resources", mappings, TagFilters=filters)
        script.answer("kms", "list_aliases", {"Aliases": []})
        for key, state in (("kept", "Enabled"), ("going", "PendingDeletion")):
            metadata = {"KeyMetadata": {"KeyId": key, "KeyState": state}}
            script.answer("kms", "describe_key", metadata, KeyId=key)
        for name, groups in {
            "/aws/vpc/mlops": ["/aws/vpc/mlops", "/aws/vpc/mlops-dev"],
            "/aws/eks/mlops/": ["/aws/eks/mlops/cluster"],
            "/aws/containerinsights/mlops/": [],
        }.items():
            answer = {"logGroups": [{"logGroupName": group, "storedBytes": 5} for group in groups]}
            script.answer("logs", "describe_log_groups", answer, logGroupNamePrefix=name)
        found = [(item.type, item.id, item.why) for item in tagged(script.aws(), OWNER)]
    assert found == [
        ("AWS::SNS::Topic", arns[-1], "tag"),
        ("AWS::KMS::Key", "kept", "tag"),
        ("AWS::Logs::LogGroup", "/aws/vpc/mlops", "tag"),
        ("AWS::Logs::LogGroup", "/aws/eks/mlops/cluster", "name"),
    ]


@pytest.mark.parametrize("check_mode", [False, True])
def test_leftovers_are_deleted_volumes_first(
    check_mode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Item("AWS::Logs::LogGroup", "/aws/eks/mlops/cluster", "/aws/eks/mlops/cluster", "name"),
        Item("AWS::EC2::Snapshot", "snap-1", "data", "cluster"),
        Item("AWS::EC2::VPC", "vpc-1", "mlops", "tag"),
        Item("AWS::EC2::Volume", "vol-1", "data", "cluster"),
    ]
    monkeypatch.setattr(aws_inventory, "find_items", lambda aws, owner: found)
    with ScriptedAws() as script:
        if not check_mode:
            script.answer("ec2", "delete_volume", {}, VolumeId="vol-1")
            script.answer("ec2", "delete_snapshot", {}, SnapshotId="snap-1")
            script.answer("logs", "delete_log_group", {}, logGroupName="/aws/eks/mlops/cluster")
        params = {"owner_tags": TAGS, "cluster_name": "mlops"}
        done = aws_inventory.remove_leftovers(script.aws(check_mode=check_mode), params)
    assert done["changed"]
    assert [(change["action"], change["type"]) for change in done["changes"]] == [
        ("delete", "AWS::EC2::Volume"),
        ("delete", "AWS::EC2::Snapshot"),
        ("delete", "AWS::Logs::LogGroup"),
    ]
