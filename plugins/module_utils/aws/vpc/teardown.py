"""The end of a VPC: everything in it, in the order in which AWS lets it go."""

from __future__ import annotations

from ..core import Fields
from .endpoints import (
    find_endpoints,
    remove_endpoints,
)
from .flow_logs import (
    find_flow_log,
    remove_flow_log,
    remove_log_group,
)
from .gateways import (
    remove_gateways,
)
from .leftovers import (
    remove_load_balancers,
    remove_network_interfaces,
    remove_security_groups,
)
from .nat import (
    describe_addresses,
    find_nat_gateways,
    remove_nat_gateways,
)
from .network import VPC, Network
from .routes import ROUTE_TABLE
from .subnets import SUBNET


def tear_down(network: Network) -> None:
    """Delete the VPC and all that is in it.

    What controllers of a cluster have left goes first: while one of its network interfaces is in
    use, nothing of the network is touched. Addresses, log group and an unattached internet gateway
    belong to no VPC, so they are looked for even where there is none.
    """
    vpc = network.find_vpc()
    gateways = find_nat_gateways(network)
    endpoints = find_endpoints(network)
    remove_load_balancers(network)
    remove_network_interfaces(network, interfaces_of(gateways, endpoints))
    remove_endpoints(network, endpoints)
    remove_nat_gateways(network, gateways, describe_addresses(network))
    remove_flow_log(network, find_flow_log(network))
    remove_security_groups(network)
    remove_subnets(network)
    remove_route_tables(network)
    remove_gateways(network)
    if vpc:
        network.delete(VPC, vpc, "delete_vpc")
    # Last, since the flow log writes on for some minutes and would make a new one.
    remove_log_group(network)


def interfaces_of(gateways: list[Fields], endpoints: list[Fields]) -> set[str]:
    """Return the network interfaces of NAT gateways and endpoints."""
    return {
        *(
            address["NetworkInterfaceId"]
            for gateway in gateways
            for address in gateway["NatGatewayAddresses"]
            if "NetworkInterfaceId" in address
        ),
        *(item for endpoint in endpoints for item in endpoint.get("NetworkInterfaceIds", [])),
    }


def remove_subnets(network: Network) -> None:
    """Delete the subnets."""
    for subnet in network.parts("describe_subnets", "Subnets"):
        network.delete(SUBNET, subnet, "delete_subnet")


def remove_route_tables(network: Network) -> None:
    """Delete all route tables but the main one, which ends with the VPC."""
    for table in network.parts("describe_route_tables", "RouteTables"):
        if not any(association["Main"] for association in table["Associations"]):
            network.delete(ROUTE_TABLE, table, "delete_route_table")
