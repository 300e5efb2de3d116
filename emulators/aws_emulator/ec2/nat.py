"""Corrections to moto's NAT gateways: their states, failures, network interfaces and filters."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response
from moto.ec2.utils import generic_filter, random_private_ip
from moto.moto_api import state_manager
from moto.moto_api._internal.managed_state_model import ManagedState

from .interfaces import adopt_interface

MODEL = "ec2::natgateway"


def look_at(gateway: Any) -> None:
    """Let a NAT gateway go on to its next state; a deleted one gives back what it used."""
    gateway.lifecycle.advance()
    gateway.state = gateway.lifecycle.status
    if gateway.state == "deleted" and gateway._eni.id in gateway.ec2_backend.enis:
        for address in gateway.ec2_backend.addresses:
            if address.eni is gateway._eni:
                gateway.ec2_backend.disassociate_address(association_id=address.association_id)
        del gateway.ec2_backend.enis[gateway._eni.id]


class NatGatewayCalls(EC2Response):
    """NAT gateways that are pending and deleting until they are looked at."""

    def named_gateways(self, ids: list[str]) -> list[Any]:
        """Return NAT gateways by their ids, all of which must exist."""
        gateways = self.ec2_backend.nat_gateways
        if missing := [name for name in ids if name not in gateways]:
            raise EC2ClientError("NatGatewayNotFound", f"NAT gateway {missing[0]} was not found")
        return [gateways[name] for name in ids]

    def create_nat_gateway(self) -> ActionResult:
        """Answer with a pending gateway; a public one without an internet gateway will fail."""
        public = self._get_param("ConnectivityType", "public") == "public"
        if public and not self._get_param("AllocationId"):
            message = "The request must contain the parameter AllocationId"
            raise EC2ClientError("MissingParameter", message)
        answer = super().create_nat_gateway()
        gateway: Any = self.ec2_backend.nat_gateways[list(self.ec2_backend.nat_gateways)[-1]]
        gateway.connectivity_type = "public" if public else "private"
        interface = gateway._eni
        adopt_interface(interface, f"Interface for NAT Gateway {gateway.id}", "nat_gateway")
        interface.private_ip_address = random_private_ip(interface.subnet.cidr_block)
        interface.private_ip_addresses = [
            {"Primary": True, "PrivateIpAddress": interface.private_ip_address}
        ]
        gateway.nat_gateway_addresses[0]["privateIp"] = interface.private_ip_address
        attached = [gateway_.vpc.id for gateway_ in self.attached_internet_gateways()]
        outcome = "available" if not public or gateway.vpc_id in attached else "failed"
        if outcome == "failed":
            gateway.failure_code = "Gateway.NotAttached"
            gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
        gateway.state = "pending"
        gateway.lifecycle = ManagedState(MODEL, [("pending", outcome)])
        return answer

    def attached_internet_gateways(self) -> list[Any]:
        """Return the internet gateways that are attached to a VPC."""
        return [found for found in self.ec2_backend.internet_gateways.values() if found.vpc]

    def describe_nat_gateways(self) -> ActionResult:
        """Let each gateway go on, and apply the filters for tags, which moto leaves out."""
        ids = self._get_param("NatGatewayIds", [])
        for gateway in self.named_gateways(ids) or self.ec2_backend.nat_gateways.values():
            look_at(gateway)
        filters = self._filters_from_querystring()
        found = self.ec2_backend.describe_nat_gateways(filters, ids)
        tags = {name: values for name, values in filters.items() if name.startswith("tag")}
        return ActionResult({"NatGateways": generic_filter(tags, found)})

    def delete_nat_gateway(self) -> ActionResult:
        """Begin to delete a gateway; it keeps its address and interface until it is deleted."""
        (gateway,) = self.named_gateways([self._get_param("NatGatewayId")])
        if gateway.state not in ("deleting", "deleted"):
            gateway.state = "deleting"
            gateway.lifecycle = ManagedState(MODEL, [("deleting", "deleted")])
        return ActionResult({"NatGatewayId": gateway.id})


def extend() -> None:
    """Let a gateway go on at each look; moto's own API can set more looks, or seconds."""
    state_manager.register_default_transition(MODEL, {"progression": "manual", "times": 1})
