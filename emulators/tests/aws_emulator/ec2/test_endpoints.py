"""Each correction to moto's VPC endpoints, through boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

ECR = "com.amazonaws.eu-west-1.ecr.api"
S3 = "com.amazonaws.eu-west-1.s3"
POLICY = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}


class Network(NamedTuple):
    """A VPC that resolves names, with two subnets, a security group and two route tables."""

    vpc: str
    subnets: list[str]
    group: str
    tables: list[str]


@pytest.fixture
def network(ec2: Any, subnets: list[str]) -> Iterator[Network]:
    """A network without endpoints, which each test leaves so."""
    vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    group = ec2.create_security_group(GroupName="e", Description="e", VpcId=vpc)["GroupId"]
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    yield Network(vpc, subnets, group, tables)
    for table in tables:
        ec2.delete_route_table(RouteTableId=table)
    ec2.delete_security_group(GroupId=group)


def create(ec2: Any, network: Network, **options: Any) -> dict[str, Any]:
    """Create an interface endpoint for ECR in the first subnet."""
    whole = {
        "VpcId": network.vpc,
        "ServiceName": ECR,
        "VpcEndpointType": "Interface",
        "SubnetIds": network.subnets[:1],
        "SecurityGroupIds": [network.group],
        "PrivateDnsEnabled": True,
    }
    created: dict[str, Any] = ec2.create_vpc_endpoint(**whole | options)["VpcEndpoint"]
    return created


def described(ec2: Any, network: Network) -> list[dict[str, Any]]:
    """Return the endpoints of the network."""
    filters = [{"Name": "vpc-id", "Values": [network.vpc]}]
    found: list[dict[str, Any]] = ec2.describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    return found


def interfaces(ec2: Any, network: Network) -> list[dict[str, Any]]:
    """Return the network interfaces of the network."""
    filters = [
        {"Name": "vpc-id", "Values": [network.vpc]},
        {"Name": "requester-managed", "Values": ["true"]},
        {"Name": "status", "Values": ["in-use"]},
    ]
    found: list[dict[str, Any]] = ec2.describe_network_interfaces(Filters=filters)[
        "NetworkInterfaces"
    ]
    return found


def routed(ec2: Any, network: Network) -> list[bool]:
    """Say of each route table whether it leads to an endpoint."""
    tables = ec2.describe_route_tables(RouteTableIds=network.tables)["RouteTables"]
    return [any("DestinationPrefixListId" in r for r in table["Routes"]) for table in tables]


def test_life_of_an_interface_endpoint(ec2: Any, network: Network) -> None:
    created = create(ec2, network)
    assert (created["State"], created["PrivateDnsEnabled"]) == ("pending", True)
    name = created["VpcEndpointId"]
    (found,) = described(ec2, network)
    assert (found["State"], found["SubnetIds"]) == ("available", network.subnets[:1])
    (interface,) = interfaces(ec2, network)
    assert interface["NetworkInterfaceId"] in found["NetworkInterfaceIds"]
    assert [group["GroupId"] for group in interface["Groups"]] == [network.group]
    assert interface["PrivateIpAddress"].startswith("10.9.0.")
    ec2.modify_vpc_endpoint(
        VpcEndpointId=name,
        AddSubnetIds=network.subnets[1:],
        RemoveSubnetIds=network.subnets[:1],
        PrivateDnsEnabled=False,
        PolicyDocument=json.dumps(POLICY),
    )
    (found,) = described(ec2, network)
    assert (found["SubnetIds"], found["PrivateDnsEnabled"]) == (network.subnets[1:], False)
    assert json.loads(found["PolicyDocument"]) == POLICY
    assert [each["SubnetId"] for each in interfaces(ec2, network)] == network.subnets[1:]
    ec2.modify_vpc_endpoint(VpcEndpointId=name, ResetPolicy=True)
    assert json.loads(described(ec2, network)[0]["PolicyDocument"]) != POLICY
    group = {"GroupId": network.group}
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[name])["Unsuccessful"] == []
    check_refusals(
        ec2,
        [
            ("delete_security_group", group, "DependencyViolation", "dependent object"),
            ("delete_subnet", {"SubnetId": network.subnets[1]}, "DependencyViolation", ""),
            ("delete_vpc", {"VpcId": network.vpc}, "DependencyViolation", ""),
        ],
    )
    assert described(ec2, network) == interfaces(ec2, network) == []


def test_life_of_a_gateway_endpoint(ec2: Any, network: Network) -> None:
    first, second = network.tables
    created = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName=S3, VpcEndpointType="Gateway", RouteTableIds=[first]
    )["VpcEndpoint"]
    assert (created["State"], created["PrivateDnsEnabled"]) == ("available", False)
    assert routed(ec2, network) == [True, False]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=created["VpcEndpointId"],
        AddRouteTableIds=[second],
        RemoveRouteTableIds=[first],
    )
    assert routed(ec2, network) == [False, True]
    assert described(ec2, network)[0]["RouteTableIds"] == [second]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[created["VpcEndpointId"]])
    assert (routed(ec2, network), described(ec2, network)) == ([False, False], [])


def test_deleted_route_table_leaves_its_endpoint(ec2: Any, network: Network) -> None:
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    created = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName=S3, RouteTableIds=[network.tables[0], table]
    )["VpcEndpoint"]
    assert created["VpcEndpointType"] == "Gateway"
    ec2.delete_route_table(RouteTableId=table)
    assert described(ec2, network)[0]["RouteTableIds"] == network.tables[:1]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[created["VpcEndpointId"]])


def test_endpoint_without_a_group_has_the_default_one(ec2: Any, network: Network) -> None:
    created = create(ec2, network, SecurityGroupIds=[])
    assert [group["GroupName"] for group in created["Groups"]] == ["default"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[created["VpcEndpointId"]])
    assert described(ec2, network) == []


def test_refusals(ec2: Any, network: Network) -> None:
    created = create(ec2, network)
    again = {"VpcId": network.vpc, "ServiceName": ECR, "VpcEndpointType": "Interface"}
    check_refusals(
        ec2,
        [
            ("create_vpc_endpoint", again, "InvalidParameter", "conflicting DNS domain"),
            (
                "create_vpc_endpoint",
                again | {"ServiceName": "com.amazonaws.eu-west-1.ecr.apis"},
                "InvalidServiceName",
                "does not exist",
            ),
        ],
    )
    answer = ec2.delete_vpc_endpoints(VpcEndpointIds=["vpce-0", created["VpcEndpointId"]])
    (failed,) = answer["Unsuccessful"]
    assert (failed["ResourceId"], failed["Error"]["Code"]) == (
        "vpce-0",
        "InvalidVpcEndpoint.NotFound",
    )
    assert described(ec2, network) == []
    ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames={"Value": False})
    check_refusals(ec2, [("create_vpc_endpoint", again, "InvalidParameter", "enableDnsHostnames")])
