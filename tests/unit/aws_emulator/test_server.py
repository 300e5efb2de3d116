"""The health page and the request log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest
from ansible_collections.mlops.gpu_platform.tests.unit.aws_emulator.conftest import Emulator
from botocore.exceptions import ClientError


def log_lines(emulator: Emulator) -> list[dict[str, Any]]:
    """Return the request log."""
    return [json.loads(line) for line in emulator.request_log.read_text().splitlines()]


def test_health_page_answers_without_credentials(emulator: Emulator) -> None:
    with urlopen(emulator.url, timeout=5) as answer:
        assert answer.status == 200
        assert json.load(answer)["emulates"] == "aws"


@pytest.mark.parametrize(
    ("service", "method", "arguments", "action"),
    [
        ("ec2", "describe_vpcs", {}, "DescribeVpcs"),
        ("ecr", "describe_repositories", {}, "DescribeRepositories"),
        ("eks", "list_clusters", {}, "ListClusters"),
        ("s3", "list_buckets", {}, "ListBuckets"),
    ],
    ids=["query", "json", "rest-json", "rest-xml"],
)
def test_request_log_names_the_action(
    emulator: Emulator,
    client: Callable[[str], Any],
    service: str,
    method: str,
    arguments: dict[str, Any],
    action: str,
) -> None:
    getattr(client(service), method)(**arguments)
    line = log_lines(emulator)[-1]
    assert (line["service"], line["action"], line["status"]) == (service, action, 200)
    assert line["time"]


def test_request_log_has_the_status_of_a_refusal(
    emulator: Emulator, client: Callable[[str], Any]
) -> None:
    with pytest.raises(ClientError):
        client("eks").describe_cluster(name="absent")
    line = log_lines(emulator)[-1]
    assert (line["action"], line["status"]) == ("DescribeCluster", 404)


def test_managed_policies_can_be_attached(client: Callable[[str], Any]) -> None:
    iam = client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    iam.attach_role_policy(RoleName="node", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="node")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]


def test_tags_of_a_nat_gateway_are_found_by_its_resource_type(
    client: Callable[[str], Any], subnets: list[str]
) -> None:
    ec2 = client("ec2")
    tags = [{"Key": "Name", "Value": "mlops"}]
    gateway = ec2.create_nat_gateway(
        SubnetId=subnets[0],
        ConnectivityType="private",
        TagSpecifications=[{"ResourceType": "natgateway", "Tags": tags}],
    )["NatGateway"]["NatGatewayId"]
    found = ec2.describe_tags(
        Filters=[
            {"Name": "resource-id", "Values": [gateway]},
            {"Name": "resource-type", "Values": ["natgateway"]},
        ]
    )["Tags"]
    assert [(tag["Key"], tag["Value"]) for tag in found] == [("Name", "mlops")]
