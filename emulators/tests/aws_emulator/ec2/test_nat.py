"""Each correction to moto's NAT gateways, through boto3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    Emulator,
    check_refusals,
)

TAGS = [{"Key": "Name", "Value": "mlops"}]


class Gateway(NamedTuple):
    """A public NAT gateway and what it needs."""

    id: str
    allocation: str
    subnet: str
    vpc: str
    internet_gateway: str


def states(ec2: Any, gateway: str) -> list[str]:
    """Return the state of a gateway at a look."""
    found = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    return [one["State"] for one in found]


@pytest.fixture
def gateway(ec2: Any, subnets: list[str]) -> Iterator[Gateway]:
    """A public NAT gateway that is pending, in a VPC with an internet gateway."""
    vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    created = ec2.create_nat_gateway(
        SubnetId=subnets[0],
        AllocationId=allocation,
        TagSpecifications=[{"ResourceType": "natgateway", "Tags": TAGS}],
    )["NatGateway"]
    assert (created["State"], created["ConnectivityType"]) == ("pending", "public")
    yield Gateway(created["NatGatewayId"], allocation, subnets[0], vpc, internet)
    ec2.delete_nat_gateway(NatGatewayId=created["NatGatewayId"])
    assert states(ec2, created["NatGatewayId"]) == ["deleted"]
    ec2.release_address(AllocationId=allocation)
    ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=internet)


def test_states_follow_the_looks(ec2: Any, emulator: Emulator, gateway: Gateway) -> None:
    def set_transition(action: str, **transition: Any) -> None:
        body = json.dumps({"model_name": "ec2::natgateway", **transition}).encode()
        url = f"{emulator.url}/moto-api/state-manager/{action}-transition"
        with urlopen(Request(url, body), timeout=5) as answer:
            assert answer.status == 201

    set_transition("set", transition={"progression": "manual", "times": 2})
    try:
        seen = [states(ec2, gateway.id) for _ in range(3)]
        ec2.delete_nat_gateway(NatGatewayId=gateway.id)
        seen += [states(ec2, gateway.id) for _ in range(3)]
    finally:
        set_transition("unset")
    assert [state for (state,) in seen] == [
        "pending",
        "available",
        "available",
        "deleting",
        "deleted",
        "deleted",
    ]


def test_what_a_gateway_uses_is_in_use_until_it_is_deleted(ec2: Any, gateway: Gateway) -> None:
    association = ec2.describe_addresses(AllocationIds=[gateway.allocation])["Addresses"][0]
    interface = association["NetworkInterfaceId"]
    in_use = "DependencyViolation"
    refusals: list[tuple[str, dict[str, Any], str, str]] = [
        (
            "release_address",
            {"AllocationId": gateway.allocation},
            "InvalidIPAddress.InUse",
            "is in use",
        ),
        (
            "disassociate_address",
            {"AssociationId": association["AssociationId"]},
            "AuthFailure",
            "permission",
        ),
        (
            "detach_internet_gateway",
            {"InternetGatewayId": gateway.internet_gateway, "VpcId": gateway.vpc},
            in_use,
            "mapped public address(es)",
        ),
        (
            "delete_internet_gateway",
            {"InternetGatewayId": gateway.internet_gateway},
            in_use,
            gateway.vpc,
        ),
        ("delete_subnet", {"SubnetId": gateway.subnet}, in_use, "has dependencies"),
        (
            "delete_network_interface",
            {"NetworkInterfaceId": interface},
            "InvalidParameterValue",
            "currently in use",
        ),
    ]
    assert states(ec2, gateway.id) == ["available"]
    check_refusals(ec2, refusals)
    ec2.delete_nat_gateway(NatGatewayId=gateway.id)
    check_refusals(ec2, refusals)
    assert states(ec2, gateway.id) == ["deleted"]
    filters = [{"Name": "subnet-id", "Values": [gateway.subnet]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    again = ec2.describe_addresses(AllocationIds=[gateway.allocation])["Addresses"][0]
    assert "AssociationId" not in again


def test_interface_is_managed_by_its_requester(ec2: Any, gateway: Gateway) -> None:
    filters = [{"Name": "interface-type", "Values": ["nat_gateway"]}]
    (found,) = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert (found["RequesterManaged"], found["Status"], found["Groups"]) == (True, "in-use", [])
    (address,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway.id])["NatGateways"][0][
        "NatGatewayAddresses"
    ]
    assert address["NetworkInterfaceId"] == found["NetworkInterfaceId"]
    assert address["PrivateIp"] == found["PrivateIpAddress"]
    assert address["PrivateIp"].startswith("10.9.0.")


def test_filters(ec2: Any, gateway: Gateway) -> None:
    for name, value in (
        ("tag:Name", "mlops"),
        ("tag-key", "Name"),
        ("vpc-id", gateway.vpc),
        ("subnet-id", gateway.subnet),
        ("state", "available"),
    ):
        for given, expected in ((value, [gateway.id]), ("other", [])):
            filters = [
                {"Name": name, "Values": [given]},
                {"Name": "nat-gateway-id", "Values": [gateway.id]},
            ]
            found = ec2.describe_nat_gateways(Filter=filters)["NatGateways"]
            assert [one["NatGatewayId"] for one in found] == expected, name


def test_tags_are_found_by_the_resource_type(ec2: Any, gateway: Gateway) -> None:
    found = ec2.describe_tags(
        Filters=[
            {"Name": "resource-id", "Values": [gateway.id]},
            {"Name": "resource-type", "Values": ["natgateway"]},
        ]
    )["Tags"]
    assert [(tag["Key"], tag["Value"]) for tag in found] == [("Name", "mlops")]


def test_public_gateway_without_an_internet_gateway_fails(ec2: Any, subnets: list[str]) -> None:
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    name = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=allocation)["NatGateway"][
        "NatGatewayId"
    ]
    (failed,) = ec2.describe_nat_gateways(NatGatewayIds=[name])["NatGateways"]
    assert (failed["State"], failed["FailureCode"]) == ("failed", "Gateway.NotAttached")
    ec2.delete_nat_gateway(NatGatewayId=name)
    assert states(ec2, name) == ["deleted"]
    ec2.release_address(AllocationId=allocation)


def test_refusals(ec2: Any, subnets: list[str]) -> None:
    check_refusals(
        ec2,
        [
            ("create_nat_gateway", {"SubnetId": subnets[0]}, "MissingParameter", "AllocationId"),
            ("delete_nat_gateway", {"NatGatewayId": "nat-0"}, "NatGatewayNotFound", "nat-0"),
            ("describe_nat_gateways", {"NatGatewayIds": ["nat-0"]}, "NatGatewayNotFound", "nat-0"),
        ],
    )
