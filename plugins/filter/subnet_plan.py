"""Filter: the subnets of a VPC, one private and one public per availability zone."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import TypedDict

# By these tags the controllers of load balancers in Kubernetes find their subnets.
LOAD_BALANCER_TAGS = {
    "private": "kubernetes.io/role/internal-elb",
    "public": "kubernetes.io/role/elb",
}


class Subnet(TypedDict):
    """A subnet as the module vpc takes it."""

    name: str
    cidr: str
    availability_zone: str
    public: bool
    tags: dict[str, str]


def subnet_plan(
    cidr: str,
    zones: list[str],
    private_prefix: int,
    public_prefix: int,
    name: str,
) -> list[Subnet]:
    """Return the subnets of a VPC, two per zone, named and tagged.

    The private subnets are counted from the start of the VPC's network and the public ones from
    its end, so that a zone which is added later moves none of those that exist. Prefixes are in
    bits; the network must be large enough for all the subnets.
    """
    network = IPv4Network(cidr)
    first, behind = int(network.network_address), int(network.broadcast_address) + 1
    private_size, public_size = 2 ** (32 - private_prefix), 2 ** (32 - public_prefix)
    plan: list[Subnet] = []
    for index, zone in enumerate(zones):
        networks = {
            "private": IPv4Network((first + index * private_size, private_prefix)),
            "public": IPv4Network((behind - (index + 1) * public_size, public_prefix)),
        }
        for kind, subnet in networks.items():
            plan.append(
                {
                    "name": f"{name}-{kind}-{zone}",
                    "cidr": str(subnet),
                    "availability_zone": zone,
                    "public": kind == "public",
                    "tags": {LOAD_BALANCER_TAGS[kind]: "1"},
                }
            )
    return plan


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., list[Subnet]]]:
        """Return the filter by name."""
        return {"subnet_plan": subnet_plan}
