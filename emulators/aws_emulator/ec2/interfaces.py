"""Network interfaces that a service of AWS makes in a subnet, and that only it may delete."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface


def make_interface(
    ec2: Any,
    subnet_id: str,
    description: str,
    kind: str = "interface",
    groups: list[str] | None = None,
    public_ip: str | None = None,
) -> NetworkInterface:
    """Make a network interface as a service makes it: in use, and managed by its requester.

    ``kind`` is its type, such as ``nat_gateway``; without ``groups`` it has no security group.
    """
    interface: Any = ec2.create_network_interface(
        ec2.get_subnet(subnet_id), None, group_ids=groups, description=description
    )
    adopt_interface(interface, description, kind, groups)
    interface.public_ip = public_ip
    return interface


def adopt_interface(
    interface: Any, description: str, kind: str = "interface", groups: list[str] | None = None
) -> None:
    """Make an interface that moto has made for a service one that its requester manages."""
    interface.description, interface.interface_type = description, kind
    interface.requester_managed, interface.status = True, "in-use"
    ec2 = interface.ec2_backend
    interface._group_set = [ec2.get_security_group_from_id(group) for group in groups or []]


def remove_interfaces(ec2: Any, description: str) -> None:
    """Remove the interfaces of a service, which it finds by their description."""
    for interface in list(ec2.enis.values()):
        if interface.requester_managed and interface.description == description:
            del ec2.enis[interface.id]
