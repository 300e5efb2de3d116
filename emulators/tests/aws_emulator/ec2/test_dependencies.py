"""What EC2 refuses to delete while something else uses it, and that it can be deleted after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

IN_USE = "DependencyViolation"


@pytest.fixture
def vpc(ec2: Any) -> Iterator[str]:
    """A VPC that each test leaves empty."""
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    yield vpc
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> Iterator[str]:
    """A subnet that each test leaves empty."""
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    yield subnet
    ec2.delete_subnet(SubnetId=subnet)


@pytest.fixture
def group(ec2: Any, vpc: str) -> Iterator[str]:
    """A security group that each test leaves unused."""
    group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
    yield group
    ec2.delete_security_group(GroupId=group)


Content = Callable[[Any, str], tuple[str, dict[str, Any]]]


def a_subnet(ec2: Any, vpc: str) -> tuple[str, dict[str, Any]]:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    return "delete_subnet", {"SubnetId": subnet}


def a_security_group(ec2: Any, vpc: str) -> tuple[str, dict[str, Any]]:
    group = ec2.create_security_group(GroupName="b", Description="b", VpcId=vpc)["GroupId"]
    return "delete_security_group", {"GroupId": group}


def a_route_table(ec2: Any, vpc: str) -> tuple[str, dict[str, Any]]:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    return "delete_route_table", {"RouteTableId": table}


def an_egress_only_gateway(ec2: Any, vpc: str) -> tuple[str, dict[str, Any]]:
    created = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    name = "EgressOnlyInternetGatewayId"
    return "delete_egress_only_internet_gateway", {name: created[name]}


def an_internet_gateway(ec2: Any, vpc: str) -> tuple[str, dict[str, Any]]:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return "detach_internet_gateway", {"InternetGatewayId": gateway, "VpcId": vpc}


@pytest.mark.parametrize(
    "make",
    [
        a_subnet,
        a_security_group,
        a_route_table,
        an_egress_only_gateway,
        an_internet_gateway,
    ],
)
def test_vpc_is_deleted_last(ec2: Any, vpc: str, make: Content) -> None:
    method, arguments = make(ec2, vpc)
    check_refusals(ec2, [("delete_vpc", {"VpcId": vpc}, IN_USE, vpc)])
    getattr(ec2, method)(**arguments)


def test_security_group_of_an_interface_is_in_use(ec2: Any, subnet: str, group: str) -> None:
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    check_refusals(
        ec2,
        [
            ("delete_security_group", {"GroupId": group}, IN_USE, "has a dependent object"),
            ("delete_subnet", {"SubnetId": subnet}, IN_USE, subnet),
        ],
    )
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def test_security_group_in_a_rule_of_another_is_in_use(ec2: Any, vpc: str, group: str) -> None:
    other = ec2.create_security_group(GroupName="b", Description="b", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    check_refusals(ec2, [("delete_security_group", {"GroupId": group}, IN_USE, group)])
    ec2.delete_security_group(GroupId=other)


def test_what_a_vpc_comes_with_cannot_be_deleted(ec2: Any, vpc: str) -> None:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    (default,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    (main,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    check_refusals(
        ec2,
        [
            ("delete_security_group", {"GroupId": default["GroupId"]}, "CannotDelete", "default"),
            ("delete_route_table", {"RouteTableId": main["RouteTableId"]}, IN_USE, "routeTable"),
        ],
    )


def test_associated_route_table_is_in_use(ec2: Any, vpc: str, subnet: str) -> None:
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    check_refusals(ec2, [("delete_route_table", {"RouteTableId": table}, IN_USE, table)])
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)


def test_instance_uses_its_subnet_and_group_until_it_is_terminated(
    ec2: Any, subnet: str, group: str
) -> None:
    (instance,) = ec2.run_instances(
        ImageId="ami-00000000",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=[group],
        InstanceType="g4dn.xlarge",
    )["Instances"]
    (interface,) = instance["NetworkInterfaces"]
    name = interface["NetworkInterfaceId"]
    check_refusals(
        ec2,
        [
            ("delete_subnet", {"SubnetId": subnet}, IN_USE, subnet),
            ("delete_security_group", {"GroupId": group}, IN_USE, group),
            (
                "delete_network_interface",
                {"NetworkInterfaceId": name},
                "InvalidParameterValue",
                f"'{name}' is currently in use",
            ),
        ],
    )
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    filters = [{"Name": "subnet-id", "Values": [subnet]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
