"""The NAT gateways of a VPC and their addresses."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from ..core import (
    AwsError,
    Fields,
)
from .network import (
    Kind,
    Network,
    by_name,
    name_of,
)
from .subnets import zones_of

NAT_GATEWAY = Kind("AWS::EC2::NatGateway", "natgateway", "NatGatewayId")
ADDRESS = Kind("AWS::EC2::EIP", "elastic-ip", "AllocationId")


class NatGateways(NamedTuple):
    """The wanted gateways by zone, those not ready yet, and what ``nat`` does not ask for."""

    by_zone: dict[str, str]
    pending: list[str]
    surplus: list[Fields]
    surplus_addresses: list[Fields]


def gateway_name(network: Network, zone: str) -> str:
    """Return the name of the NAT gateway of a zone, and of its address."""
    return f"{network.name}-nat-{zone}"


def find_nat_gateways(network: Network) -> list[Fields]:
    """Return the NAT gateways of the VPC that are there or coming.

    Waits until none is being deleted: till then it holds its address. Deleted and failed ones
    show for an hour.
    """

    def settled() -> list[Fields] | None:
        gateways = network.parts("describe_nat_gateways", "NatGateways", filters="Filter")
        states = {gateway["State"] for gateway in gateways}
        if "deleting" in states and not network.aws.check_mode:
            return None
        return [gateway for gateway in gateways if gateway["State"] in ("pending", "available")]

    return network.aws.until(settled, f"NAT gateways of {network.name} deleted")


def describe_addresses(network: Network) -> list[Fields]:
    """Return the network's addresses; they belong to no VPC, so their names tell."""
    filters = [{"Name": "tag:Name", "Values": [gateway_name(network, "*")]}]
    addresses: list[Fields] = network.ec2.describe_addresses(Filters=filters)["Addresses"]
    return addresses


def zones_with_gateway(params: Fields) -> list[str]:
    """Return the zones that get a NAT gateway by the options ``nat`` and ``subnets``.

    Raises:
        AwsError: a zone that needs a gateway has no public subnet.
    """
    zones = list(zones_of(params["subnets"], public=False))
    with_gateway = {"none": [], "single": zones[:1], "per_zone": zones}[params["nat"]]
    missing = set(with_gateway) - set(zones_of(params["subnets"], public=True))
    if missing:
        places = ", ".join(sorted(missing))
        raise AwsError(f"nat is {params['nat']}, but no public subnet is in {places}")
    return with_gateway


def ensure_nat_gateways(network: Network, subnets: list[Fields]) -> NatGateways:
    """Create the NAT gateways that ``nat`` asks for, without waiting for them."""
    public = zones_of(subnets, public=True)
    gateways = by_name(find_nat_gateways(network))
    described = describe_addresses(network)
    # Of two addresses with one name, the last counts: that in use.
    addresses = by_name(sorted(described, key=lambda address: "AssociationId" in address))
    by_zone, pending, wanted = {}, [], set()
    for zone in zones_with_gateway(network.params):
        name = gateway_name(network, zone)
        found = gateways.get(name)
        address = ensure_address(network, name, addresses.get(name))
        create = partial(create_nat_gateway, network, public[zone]["subnet_id"], address)
        by_zone[zone] = network.keep(NAT_GATEWAY, name, found, {}, {}, create)
        if found is None or found["State"] != "available":
            pending.append(by_zone[zone])
        wanted |= {name, address}
    return NatGateways(
        by_zone,
        pending,
        [
            gateway
            for name, gateway in gateways.items()
            if name.startswith(gateway_name(network, "")) and name not in wanted
        ],
        [address for address in described if address[ADDRESS.id] not in wanted],
    )


def ensure_address(network: Network, name: str, found: Fields | None) -> str:
    """Allocate an address, or take the one that an interrupted run has left; return its id."""

    def create(**tags: list[Fields]) -> Fields:
        address: Fields = network.ec2.allocate_address(Domain="vpc", **tags)
        return address

    return network.keep(ADDRESS, name, found, {}, {}, create)


def create_nat_gateway(network: Network, subnet: str, address: str, **tags: list[Fields]) -> Fields:
    """Create a NAT gateway, and return it as EC2 describes it."""
    gateway: Fields = network.call(
        "create_nat_gateway", SubnetId=subnet, AllocationId=address, **tags
    )["NatGateway"]
    return gateway


def wait_for_nat_gateways(network: Network, gateways: list[str]) -> None:
    """Wait until these NAT gateways are available: routes lead to no others.

    Raises:
        AwsError: AWS could not make one.
    """
    if network.aws.check_mode or not gateways:
        return
    filters = [{"Name": "nat-gateway-id", "Values": gateways}]

    def available() -> bool | None:
        found = network.ec2.describe_nat_gateways(Filter=filters)["NatGateways"]
        for gateway in found:
            if gateway["State"] == "failed":
                name = name_of(gateway, NAT_GATEWAY.id)
                raise AwsError(f"NAT gateway {name}: {gateway.get('FailureMessage')}")
        states = [gateway["State"] for gateway in found]
        return True if states.count("available") == len(gateways) else None

    network.aws.until(available, f"NAT gateways {', '.join(gateways)} available")


def remove_nat_gateways(network: Network, gateways: list[Fields], addresses: list[Fields]) -> None:
    """Delete NAT gateways, wait for their end, and release addresses."""
    for gateway in gateways:
        network.delete(NAT_GATEWAY, gateway, "delete_nat_gateway")
    if gateways and not network.aws.check_mode:
        find_nat_gateways(network)
    for address in addresses:
        network.delete(ADDRESS, address, "release_address")
