"""What EC2 refuses to delete, detach or release while something else uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response


def users_of_address(ec2: Any, allocation_id: str) -> Iterator[str]:
    """Yield the association of an address."""
    for address in ec2.addresses:
        if address.allocation_id == allocation_id and address.association_id:
            yield address.association_id


def nat_gateways_by_association(ec2: Any, association_id: str) -> Iterator[str]:
    """Yield the NAT gateway that an address is associated with."""
    for interface in [one.eni for one in ec2.addresses if one.association_id == association_id]:
        if interface and interface.interface_type == "nat_gateway":
            yield interface.id


def public_interfaces(ec2: Any, vpc_id: str) -> Iterator[str]:
    """Yield what has a public address in a VPC."""
    for interface in ec2.enis.values():
        if interface.vpc_id == vpc_id and interface.public_ip:
            yield interface.id


def live_instances(ec2: Any) -> Iterator[Any]:
    """Yield the instances that are not terminated."""
    for instance in ec2.all_instances():
        if instance.state != "terminated":
            yield instance


def users_of_subnet(ec2: Any, subnet_id: str) -> Iterator[str]:
    """Yield the network interfaces and instances in a subnet."""
    for interface in ec2.enis.values():
        if interface.subnet.id == subnet_id:
            yield interface.id
    for instance in live_instances(ec2):
        if instance.subnet_id == subnet_id:
            yield instance.id


def users_of_group(ec2: Any, group_id: str) -> Iterator[str]:
    """Yield the interfaces, instances, endpoints and other groups that use a security group."""
    for interface in ec2.enis.values():
        if group_id in {group.id for group in interface.group_set}:
            yield interface.id
    for instance in live_instances(ec2):
        if group_id in {group.id for group in instance.security_groups}:
            yield instance.id
    for endpoint in ec2.vpc_end_points.values():
        if group_id in endpoint.security_group_ids:
            yield endpoint.id
    for group in [group for groups in ec2.groups.values() for group in groups.values()]:
        rules = [*group.ingress_rules, *group.egress_rules]
        if group.id != group_id and any(r.source_group.get("GroupId") == group_id for r in rules):
            yield group.id


def content_of_vpc(ec2: Any, vpc_id: str) -> Iterator[str]:
    """Yield what is left in a VPC besides its main route table and default group."""
    for subnets in ec2.subnets.values():
        yield from (subnet.id for subnet in subnets.values() if subnet.vpc_id == vpc_id)
    for gateway in ec2.internet_gateways.values():
        if gateway.vpc and gateway.vpc.id == vpc_id:
            yield gateway.id
    for parts in (ec2.egress_only_internet_gateways, ec2.vpc_end_points, ec2.enis):
        yield from (part.id for part in parts.values() if part.vpc_id == vpc_id)
    for table in ec2.route_tables.values():
        if table.vpc_id == vpc_id and not table.main_association_id:
            yield table.id
    yield from (group.id for group in ec2.groups[vpc_id].values() if group.name != "default")


def users_of_route_table(ec2: Any, table_id: str) -> Iterator[str]:
    """Yield the associations of a route table; the main one always has its VPC's."""
    table = ec2.get_route_table(table_id)
    yield from table._associations
    if table.main_association_id:
        yield table.vpc_id


def users_of_interface(ec2: Any, interface_id: str) -> Iterator[str]:
    """Yield what a network interface is attached to."""
    interface = ec2.get_network_interface(interface_id)
    if interface.attachment_id or interface.requester_managed:
        yield interface.description


def vpc_of_default_group(ec2: Any, group_id: str) -> Iterator[str]:
    """Yield the VPC of a security group that is the VPC's own."""
    group = ec2.get_security_group_from_id(group_id)
    if group and group.name == "default":
        yield group.vpc_id


class Rule(NamedTuple):
    """What is refused: the parameter that names it, who uses it, and the code and text of AWS."""

    parameter: str
    users: Callable[[Any, str], Iterator[str]]
    code: str
    message: str


IN_USE = "DependencyViolation"
RULES: dict[str, tuple[Rule, ...]] = {
    "DeleteNetworkInterface": (
        Rule(
            "NetworkInterfaceId",
            users_of_interface,
            "InvalidParameterValue",
            "Network interface '{name}' is currently in use.",
        ),
    ),
    "DeleteRouteTable": (
        Rule(
            "RouteTableId",
            users_of_route_table,
            IN_USE,
            "The routeTable '{name}' has dependencies and cannot be deleted.",
        ),
    ),
    "DeleteSecurityGroup": (
        Rule(
            "GroupId",
            vpc_of_default_group,
            "CannotDelete",
            'the specified group: "{name}" name: "default" cannot be deleted by a user',
        ),
        Rule("GroupId", users_of_group, IN_USE, "resource {name} has a dependent object"),
    ),
    "DeleteSubnet": (
        Rule(
            "SubnetId",
            users_of_subnet,
            IN_USE,
            "The subnet '{name}' has dependencies and cannot be deleted.",
        ),
    ),
    "DeleteVpc": (
        Rule(
            "VpcId",
            content_of_vpc,
            IN_USE,
            "The vpc '{name}' has dependencies and cannot be deleted.",
        ),
    ),
    "DetachInternetGateway": (
        Rule(
            "VpcId",
            public_interfaces,
            IN_USE,
            "Network {name} has some mapped public address(es). Please unmap those public "
            "address(es) before detaching the gateway.",
        ),
    ),
    "DisassociateAddress": (
        Rule(
            "AssociationId",
            nat_gateways_by_association,
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ),
    ),
    "ReleaseAddress": (
        Rule(
            "AllocationId", users_of_address, "InvalidIPAddress.InUse", "Address {name} is in use."
        ),
    ),
}


class Dependencies(EC2Response):
    """Calls that EC2 refuses while something else uses what they name."""

    def check(self) -> None:
        """Refuse the call of the request by the rules above."""
        for rule in RULES[self._get_action()]:
            name = self._get_param(rule.parameter)
            if name and any(rule.users(self.ec2_backend, name)):
                raise EC2ClientError(rule.code, rule.message.format(name=name))

    def delete_network_interface(self) -> ActionResult:
        """Refuse an interface that is attached."""
        self.check()
        return super().delete_network_interface()

    def delete_route_table(self) -> ActionResult:
        """Refuse a route table that is associated."""
        self.check()
        return super().delete_route_table()

    def delete_security_group(self) -> ActionResult:
        """Refuse a security group that is in use."""
        self.check()
        return super().delete_security_group()

    def delete_subnet(self) -> ActionResult:
        """Refuse a subnet with interfaces or instances."""
        self.check()
        return super().delete_subnet()

    def delete_vpc(self) -> ActionResult:
        """Refuse a VPC that is not empty."""
        self.check()
        return super().delete_vpc()

    def detach_internet_gateway(self) -> ActionResult:
        """Refuse while the VPC has public addresses."""
        self.check()
        return super().detach_internet_gateway()

    def disassociate_address(self) -> ActionResult:
        """Refuse to take an address from a NAT gateway."""
        self.check()
        return super().disassociate_address()

    def release_address(self) -> ActionResult:
        """Refuse an address that is associated."""
        self.check()
        return super().release_address()
