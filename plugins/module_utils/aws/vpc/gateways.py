"""The gateways of a VPC to the internet: for public subnets, and for IPv6 out of private ones."""

from __future__ import annotations

from functools import partial

from ..core import Fields, listed
from .network import (
    Kind,
    Network,
    tags_of,
)

INTERNET_GATEWAY = Kind("AWS::EC2::InternetGateway", "internet-gateway", "InternetGatewayId")
EGRESS_ONLY_GATEWAY = Kind(
    "AWS::EC2::EgressOnlyInternetGateway",
    "egress-only-internet-gateway",
    "EgressOnlyInternetGatewayId",
)


def attached(network: Network, gateway: Fields) -> bool:
    """Tell whether a gateway is attached to the VPC."""
    vpcs = [attachment["VpcId"] for attachment in gateway.get("Attachments", [])]
    return network.vpc_id in vpcs


def find_internet_gateways(network: Network) -> list[Fields]:
    """Return the VPC's internet gateway, and any of its name that are not attached."""
    gateways = listed(network.ec2, "describe_internet_gateways", "InternetGateways")
    unattached = [
        gateway
        for gateway in gateways
        if not gateway.get("Attachments") and tags_of(gateway).get("Name") == network.name
    ]
    return [gateway for gateway in gateways if attached(network, gateway)] + unattached


def find_egress_only_gateway(network: Network) -> Fields | None:
    """Return the VPC's egress-only internet gateway."""
    if not network.existed:
        return None
    gateways = listed(
        network.ec2, "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways"
    )
    return next((gateway for gateway in gateways if attached(network, gateway)), None)


def ensure_internet_gateway(network: Network) -> str:
    """Create, attach and tag the internet gateway; return its id."""
    found = next(iter(find_internet_gateways(network)), None)
    is_attached = bool(found and attached(network, found))

    def create(**tags: list[Fields]) -> Fields:
        gateway: Fields = network.ec2.create_internet_gateway(**tags)["InternetGateway"]
        return gateway

    gateway = network.keep(
        INTERNET_GATEWAY,
        network.name,
        found,
        {"attached": is_attached},
        {"attached": True},
        create,
    )
    if not is_attached and not network.aws.check_mode:
        network.call("attach_internet_gateway", InternetGatewayId=gateway, VpcId=network.vpc_id)
    return gateway


def ensure_egress_only_gateway(network: Network) -> str | None:
    """Create and tag the egress-only internet gateway where IPv6 is wanted; return its id."""
    if not network.params["ipv6"]:
        return None

    def create(**tags: list[Fields]) -> Fields:
        gateway: Fields = network.call(
            "create_egress_only_internet_gateway", VpcId=network.vpc_id, **tags
        )["EgressOnlyInternetGateway"]
        return gateway

    found = find_egress_only_gateway(network)
    return network.keep(EGRESS_ONLY_GATEWAY, network.name, found, {}, {}, create)


def remove_gateways(network: Network) -> None:
    """Delete the gateways to the internet."""
    egress_only = find_egress_only_gateway(network)
    if egress_only:
        network.delete(EGRESS_ONLY_GATEWAY, egress_only, "delete_egress_only_internet_gateway")
    for gateway in find_internet_gateways(network):
        if attached(network, gateway) and not network.aws.check_mode:
            detach = network.ec2.detach_internet_gateway
            gateway_id = gateway[INTERNET_GATEWAY.id]
            network.gone(partial(detach, InternetGatewayId=gateway_id, VpcId=network.vpc_id))
        network.delete(INTERNET_GATEWAY, gateway, "delete_internet_gateway")
