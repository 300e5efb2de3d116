"""The gateways of a VPC to the internet: for public subnets, and for IPv6 out of private ones."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import Fields, listed
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_network import (
    Kind,
    Network,
    name_of,
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


def find_internet_gateway(network: Network) -> Fields | None:
    """Return the VPC's internet gateway, or one of its name that is not attached yet."""
    gateways = listed(network.ec2, "describe_internet_gateways", "InternetGateways")
    unattached = [
        gateway
        for gateway in gateways
        if not gateway.get("Attachments") and tags_of(gateway).get("Name") == network.name
    ]
    of_vpc = [gateway for gateway in gateways if attached(network, gateway)]
    return next(iter(of_vpc + unattached), None)


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
    found = find_internet_gateway(network)
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
    """Delete both gateways."""
    egress_only = find_egress_only_gateway(network)
    if egress_only:
        gateway = egress_only[EGRESS_ONLY_GATEWAY.id]
        network.remove(
            EGRESS_ONLY_GATEWAY.type,
            name_of(egress_only, EGRESS_ONLY_GATEWAY.id),
            gateway,
            lambda: network.ec2.delete_egress_only_internet_gateway(
                EgressOnlyInternetGatewayId=gateway
            ),
        )
    internet = find_internet_gateway(network)
    if internet:
        remove_internet_gateway(network, internet)


def remove_internet_gateway(network: Network, found: Fields) -> None:
    """Detach and delete the internet gateway."""
    gateway = found[INTERNET_GATEWAY.id]

    def delete() -> None:
        network.ec2.delete_internet_gateway(InternetGatewayId=gateway)

    if attached(network, found) and not network.aws.check_mode:
        network.gone(
            lambda: network.ec2.detach_internet_gateway(
                InternetGatewayId=gateway, VpcId=network.vpc_id
            )
        )
    network.remove(INTERNET_GATEWAY.type, name_of(found, INTERNET_GATEWAY.id), gateway, delete)
