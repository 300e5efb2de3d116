"""The route tables of a VPC: one for public subnets, one for the private subnets of each zone."""

from __future__ import annotations

from typing import NamedTuple

from ..core import Fields
from .network import (
    Kind,
    Network,
    by_name,
)
from .subnets import zones_of

ROUTE_TABLE = Kind("AWS::EC2::RouteTable", "route-table", "RouteTableId")
ANYWHERE, ANYWHERE_IPV6 = "0.0.0.0/0", "::/0"
DESTINATIONS = {
    ANYWHERE: "DestinationCidrBlock",
    ANYWHERE_IPV6: "DestinationIpv6CidrBlock",
}
# Where a route can lead to, as EC2 names it.
TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
)


class Target(NamedTuple):
    """Where a route leads to: the parameter of EC2, and the id."""

    parameter: str
    id: str


class Association(NamedTuple):
    """Which route table a subnet has."""

    id: str
    table: str


def ensure_route_tables(
    network: Network,
    subnets: list[Fields],
    internet_gateway: str,
    egress_only_gateway: str | None,
    nat_gateways: dict[str, str],
) -> list[str]:
    """Create the route tables with their default routes, and give each subnet its own.

    Returns the ids of the private ones, with those of zones that are not listed any more: where
    something still runs there, it keeps its way out. Other routes than those to anywhere are left
    alone.
    """
    found = network.parts("describe_route_tables", "RouteTables")
    tables = Tables(network, found)
    public = {ANYWHERE: Target("GatewayId", internet_gateway)}
    if network.params["ipv6"]:
        public[ANYWHERE_IPV6] = Target("GatewayId", internet_gateway)
    of_public = [subnet for subnet in subnets if subnet["public"]]
    if of_public:
        tables.ensure(f"{network.name}-public", of_public, public)
    prefix = f"{network.name}-private-"
    unlisted = [name.removeprefix(prefix) for name in tables.found if name.startswith(prefix)]
    private = []
    for zone in dict.fromkeys([*zones_of(subnets, public=False), *unlisted]):
        routes = {}
        # A single NAT gateway serves all zones.
        gateway = nat_gateways.get(zone) or next(iter(nat_gateways.values()), None)
        if gateway:
            routes[ANYWHERE] = Target("NatGatewayId", gateway)
        if egress_only_gateway:
            routes[ANYWHERE_IPV6] = Target("EgressOnlyInternetGatewayId", egress_only_gateway)
        of_zone = [
            subnet
            for subnet in subnets
            if not subnet["public"] and subnet["availability_zone"] == zone
        ]
        private.append(tables.ensure(f"{prefix}{zone}", of_zone, routes))
    return private


class Tables:
    """The route tables that the VPC has, and what is changed about them."""

    def __init__(self, network: Network, found: list[Fields]) -> None:
        self.network = network
        self.found = by_name(found)
        self.associations = {
            association["SubnetId"]: Association(
                association["RouteTableAssociationId"], table[ROUTE_TABLE.id]
            )
            for table in found
            for association in table["Associations"]
            if "SubnetId" in association
        }

    def ensure(self, name: str, subnets: list[Fields], routes: dict[str, Target]) -> str:
        """Create a route table or bring it up to date; return its id."""
        found = self.found.get(name)
        current = current_routes(found)
        wanted = {destination: target.id for destination, target in routes.items()}
        kept = {
            destination: target
            for destination, target in current.items()
            # A NAT gateway that is not wanted takes its route along; other routes may stay.
            if not target.startswith("nat-")
        }
        table_id = found[ROUTE_TABLE.id] if found else None
        here = [subnet for subnet in subnets if table_id and self.table_of(subnet) == table_id]
        now = {"routes": current, "subnets": cidrs(here)}
        table = self.network.keep(
            ROUTE_TABLE,
            name,
            found,
            now,
            {"routes": {**kept, **wanted}, "subnets": cidrs(subnets)},
            self.create,
        )
        if not self.network.aws.check_mode:
            self.route(table, current, {**kept, **wanted}, routes)
            for subnet in subnets:
                if subnet not in here:
                    self.associate(table, subnet)
        return table

    def create(self, **tags: list[Fields]) -> Fields:
        """Create a route table, and return it as EC2 describes it."""
        table: Fields = self.network.call("create_route_table", VpcId=self.network.vpc_id, **tags)[
            "RouteTable"
        ]
        return table

    def table_of(self, subnet: Fields) -> str | None:
        """Return the route table that a subnet has; without one it uses the VPC's main one."""
        association = self.associations.get(subnet["subnet_id"])
        return association.table if association else None

    def route(
        self,
        table: str,
        current: dict[str, str],
        wanted: dict[str, str],
        routes: dict[str, Target],
    ) -> None:
        """Bring the default routes of a table from ``current`` to ``wanted``."""
        for destination, parameter in DESTINATIONS.items():
            if current.get(destination) == wanted.get(destination):
                continue
            request = {"RouteTableId": table, parameter: destination}
            if destination not in wanted:
                self.network.call("delete_route", **request)
                continue
            target = routes[destination]
            method = "replace_route" if destination in current else "create_route"
            self.network.call(method, **request, **{target.parameter: target.id})

    def associate(self, table: str, subnet: Fields) -> None:
        """Give a subnet this route table, in place of another that it may have."""
        association = self.associations.get(subnet["subnet_id"])
        if association:
            self.network.call(
                "replace_route_table_association",
                AssociationId=association.id,
                RouteTableId=table,
            )
        else:
            self.network.call(
                "associate_route_table", SubnetId=subnet["subnet_id"], RouteTableId=table
            )


def current_routes(table: Fields | None) -> dict[str, str]:
    """Return the ids to which the default routes of a table lead, by destination."""
    routes = {}
    for route in (table or {}).get("Routes", []):
        for destination, parameter in DESTINATIONS.items():
            if route.get(parameter) == destination:
                routes[destination] = next(
                    (route[target] for target in TARGETS if route.get(target)), "other"
                )
    return routes


def cidrs(subnets: list[Fields]) -> list[str]:
    """Return the networks of subnets in a fixed order."""
    return sorted(subnet["cidr"] for subnet in subnets)
