"""Each correction to moto's VPCs, through boto3."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

NAME = [{"Key": "Name", "Value": "mlops-network"}]
BY_NAME = [{"Name": "tag:Name", "Values": ["mlops-network"]}]


@pytest.fixture
def vpc(ec2: Any) -> Iterator[dict[str, Any]]:
    """A VPC with an IPv6 block, which each test leaves empty."""
    vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    yield vpc
    ec2.delete_vpc(VpcId=vpc["VpcId"])


def test_ipv6_blocks_compare(ec2: Any, vpc: dict[str, Any]) -> None:
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    network = ipaddress.ip_network(block)
    assert str(network) == block
    part = str(next(network.subnets(new_prefix=64)))
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.6.0.0/24", Ipv6CidrBlock=part)
    (association,) = subnet["Subnet"]["Ipv6CidrBlockAssociationSet"]
    assert association["Ipv6CidrBlock"] == part
    assert association["Ipv6CidrBlockState"] == {"State": "associated"}
    ec2.delete_subnet(SubnetId=subnet["Subnet"]["SubnetId"])


def test_deleted_subnet_leaves_its_route_table(ec2: Any, vpc: dict[str, Any]) -> None:
    name = {"VpcId": vpc["VpcId"]}
    subnet = ec2.create_subnet(**name, CidrBlock="10.6.0.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(**name)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    ec2.delete_subnet(SubnetId=subnet)
    (left,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert left["Associations"] == []
    ec2.delete_route_table(RouteTableId=table)


def test_deleted_vpc_leaves_nothing(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
    ec2.delete_vpc(VpcId=vpc)
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    for method, key in (
        ("describe_route_tables", "RouteTables"),
        ("describe_security_groups", "SecurityGroups"),
    ):
        assert getattr(ec2, method)(Filters=filters)[key] == [], method


def test_vpc_has_one_internet_gateway(ec2: Any, vpc: dict[str, Any]) -> None:
    name = {"VpcId": vpc["VpcId"]}
    first, second = (
        {"InternetGatewayId": ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]}
        for _ in range(2)
    )
    ec2.attach_internet_gateway(**name, **first)
    code = "InvalidParameterValue"
    check_refusals(
        ec2,
        [
            ("attach_internet_gateway", name | second, code, "already has an internet gateway"),
            ("attach_internet_gateway", name | first, "Resource.AlreadyAssociated", ""),
        ],
    )
    ec2.detach_internet_gateway(**name, **first)
    for gateway in (first, second):
        ec2.delete_internet_gateway(**gateway)


def test_egress_only_gateways_are_found_by_tags(ec2: Any, vpc: dict[str, Any]) -> None:
    created = ec2.create_egress_only_internet_gateway(
        VpcId=vpc["VpcId"],
        TagSpecifications=[{"ResourceType": "egress-only-internet-gateway", "Tags": NAME}],
    )["EgressOnlyInternetGateway"]
    for filters, expected in (
        (BY_NAME, [created]),
        ([{"Name": "tag:Name", "Values": ["other"]}], []),
    ):
        found = ec2.describe_egress_only_internet_gateways(Filters=filters)
        assert found["EgressOnlyInternetGateways"] == expected
    ec2.delete_egress_only_internet_gateway(
        EgressOnlyInternetGatewayId=created["EgressOnlyInternetGatewayId"]
    )


def test_tags_of_an_address_have_the_type_of_aws(ec2: Any) -> None:
    allocation = ec2.allocate_address(
        Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": NAME}]
    )["AllocationId"]
    ec2.create_tags(Resources=[allocation], Tags=[{"Key": "Owner", "Value": "me"}])
    (tag,) = ec2.describe_tags(Filters=BY_NAME)["Tags"]
    assert (tag["ResourceId"], tag["ResourceType"]) == (allocation, "elastic-ip")
    ec2.release_address(AllocationId=allocation)
    assert ec2.describe_tags(Filters=BY_NAME)["Tags"] == []


def test_flow_logs_need_their_role(
    ec2: Any, client: Callable[[str], Any], vpc: dict[str, Any], roles: dict[str, str]
) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="/mlops/flow", tags={"Name": "mlops-network"})
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:/mlops/flow"
    whole = {
        "ResourceType": "VPC",
        "ResourceIds": [vpc["VpcId"]],
        "TrafficType": "ALL",
        "LogDestination": group,
        "DeliverLogsPermissionArn": roles["mlops-a"],
        "TagSpecifications": [{"ResourceType": "vpc-flow-log", "Tags": NAME}],
    }
    absent = whole | {"DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/absent"}
    check_refusals(ec2, [("create_flow_logs", absent, "InvalidParameter", "IAM role")])
    (created,) = ec2.create_flow_logs(**whole)["FlowLogIds"]
    (found,) = ec2.describe_flow_logs(
        Filters=[{"Name": "resource-id", "Values": [vpc["VpcId"]]}, *BY_NAME]
    )["FlowLogs"]
    assert (found["FlowLogId"], found["DeliverLogsStatus"]) == (created, "SUCCESS")
    assert (found["LogGroupName"], found["Tags"]) == ("/mlops/flow", NAME)
    check_refusals(ec2, [("create_flow_logs", whole, "FlowLogAlreadyExists", "")])
    ec2.delete_flow_logs(FlowLogIds=[created])
    logs.delete_log_group(logGroupName="/mlops/flow")
