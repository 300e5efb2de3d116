"""Corrections to moto's subnets: the state of their IPv6 networks, and what ends with them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses import EC2Response


def ipv6_networks(subnet: Any) -> list[dict[str, Any]]:
    """Return the IPv6 networks of a subnet; moto puts one state into another."""
    return [
        association
        for association in subnet.ipv6_cidr_block_associations.values()
        if association["ipv6CidrBlockState"]["State"] == "associated"
    ]


class SubnetCalls(EC2Response):
    """Subnets that take the association with their route table along."""

    def delete_subnet(self) -> ActionResult:
        """Delete a subnet, and with it its association."""
        answer = super().delete_subnet()
        subnet = self._get_param("SubnetId")
        for table in self.ec2_backend.route_tables.values():
            for association, associated in list(table._associations.items()):
                if associated == subnet:
                    del table._associations[association]
        return answer


def extend() -> None:
    """Put the function above in the place of moto's."""
    subnets: Any = Subnet
    subnets.ipv6_cidr_block_association_set = property(ipv6_networks)
