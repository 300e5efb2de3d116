"""The inventory of an emulated account with one resource of each kind, and its leftovers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Aws
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.platform import (
    inventory,
    remove_leftovers,
)

TAGS = {"Platform": "listed", "ManagedBy": "mlops.gpu_platform"}
TAG_LIST = [{"Key": key, "Value": value} for key, value in {**TAGS, "Name": "listed"}.items()]
MARK = [{"Key": "kubernetes.io/cluster/listed", "Value": "owned"}]
PRICES = {
    "everywhere": {"public_ipv4_hour": 0.005},
    "regions": {"eu-west-1": {"gp3_gib_month": 0.073}},
    "assumptions": {"spot_fraction": 0.5},
}
PARAMS = {"owner_tags": TAGS, "cluster_name": "listed", "prices": PRICES}
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)
LOG_GROUPS = ["/aws/eks/listed/cluster", "/aws/containerinsights/listed/application"]
Account = Callable[[str], Any]


def tagged(kind: str, tags: list[dict[str, str]] = TAG_LIST) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tags}]


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Account:
    """Return clients that take answers as they are: many of them come from moto alone."""
    return cache(
        partial(
            boto3.client,
            endpoint_url=emulator.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
    )


@pytest.fixture
def orphans(client: Account) -> Iterator[Counter[str]]:
    """Resources of a platform whose cluster is gone, by type; and as many of somebody else."""
    ec2, iam, ecr, sns, logs = map(client, ("ec2", "iam", "ecr", "sns", "logs"))
    zone = "eu-west-1a"
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="k8s-elb", Description="elb", VpcId=vpc)["GroupId"]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))
    make_volume = partial(ec2.create_volume, Size=10, AvailabilityZone=zone)
    volume = make_volume(TagSpecifications=tagged("volume", MARK))["VolumeId"]
    theirs = make_volume()["VolumeId"]
    ec2.create_snapshot(VolumeId=volume, TagSpecifications=tagged("snapshot", MARK))
    template = {"LaunchTemplateName": "listed", "LaunchTemplateData": {"InstanceType": "t3.large"}}
    ec2.create_launch_template(**template, TagSpecifications=tagged("launch-template"))
    iam.create_role(RoleName="listed", AssumeRolePolicyDocument=TRUST, Tags=TAG_LIST)
    iam.create_role(RoleName="listed-not", AssumeRolePolicyDocument=TRUST)
    ecr.create_repository(repositoryName="listed", tags=TAG_LIST)
    topic = sns.create_topic(Name="listed", Tags=TAG_LIST)["TopicArn"]
    for name in (*LOG_GROUPS, "/aws/eks/listed-not/cluster"):
        logs.create_log_group(logGroupName=name)
    yield Counter(
        {
            "AWS::EC2::VPC": 1,
            "AWS::EC2::SecurityGroup": 1,
            "AWS::EC2::EIP": 1,
            "AWS::EC2::Volume": 1,
            "AWS::EC2::Snapshot": 1,
            "AWS::EC2::LaunchTemplate": 1,
            "AWS::IAM::Role": 1,
            "AWS::ECR::Repository": 1,
            "AWS::SNS::Topic": 1,
            "AWS::Logs::LogGroup": 2,
        }
    )
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.delete_volume(VolumeId=theirs)
    ec2.delete_launch_template(LaunchTemplateName="listed")
    for name in ("listed", "listed-not"):
        iam.delete_role(RoleName=name)
    ecr.delete_repository(repositoryName="listed")
    sns.delete_topic(TopicArn=topic)
    logs.delete_log_group(logGroupName="/aws/eks/listed-not/cluster")


@pytest.fixture
def account(client: Account) -> Aws:
    """The emulated account as a module sees it."""
    return Aws(client)


def types(found: dict[str, Any]) -> Counter[str]:
    return Counter(resource["type"] for resource in found["resources"])


def test_an_account_without_a_platform_is_empty(account: Aws) -> None:
    assert inventory(account, PARAMS)["resources"] == []


def test_each_kind_is_listed_and_leftovers_are_deleted(
    account: Aws, client: Account, orphans: Counter[str]
) -> None:
    found = inventory(account, PARAMS)
    assert types(found) == orphans
    assert found["hourly"] == round(0.005 + 10 * 0.073 / 730, 4)
    by_type = {resource["type"]: resource for resource in found["resources"]}
    assert by_type["AWS::EC2::SecurityGroup"]["why"] == "vpc"
    assert by_type["AWS::EC2::Volume"]["why"] == "cluster"
    assert by_type["AWS::Logs::LogGroup"]["why"] == "name"
    assert by_type["AWS::IAM::Role"]["region"] == "global"
    assert by_type["AWS::ECR::Repository"]["properties"] == {"images": 0, "stored_bytes": 0}
    assert by_type["AWS::EC2::Snapshot"]["hourly"] is None

    leftovers = {"AWS::EC2::Volume", "AWS::EC2::Snapshot", "AWS::Logs::LogGroup"}
    planned = remove_leftovers(Aws(client, check_mode=True), PARAMS)
    assert types(inventory(account, PARAMS)) == orphans
    done = remove_leftovers(account, PARAMS)

    assert done["changes"] == planned["changes"]
    assert {change["type"] for change in done["changes"]} == leftovers
    assert {change["action"] for change in done["changes"]} == {"delete"}
    left = types(inventory(account, PARAMS))
    assert left == {kind: count for kind, count in orphans.items() if kind not in leftovers}
    assert remove_leftovers(account, PARAMS)["changed"] is False
