"""Corrections to moto's VPC endpoints: their states, network interfaces, routes and changes."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.responses import EC2Response
from moto.moto_api import state_manager
from moto.moto_api._internal.managed_state_model import ManagedState

from .interfaces import make_interface, remove_interfaces

MODEL = "ec2::vpcendpoint"


def description_of(endpoint: Any) -> str:
    """Return how the network interfaces of an endpoint are described."""
    return f"VPC Endpoint Interface {endpoint.id}"


def place_interfaces(endpoint: Any) -> None:
    """Give an interface endpoint one network interface in each of its subnets."""
    ec2, description = endpoint.ec2_backend, description_of(endpoint)
    remove_interfaces(ec2, description)
    endpoint.network_interface_ids = [
        make_interface(ec2, subnet_id, description, "vpc_endpoint", endpoint.security_group_ids).id
        for subnet_id in endpoint.subnet_ids
    ]


def remove_route(endpoint: Any, table_id: str) -> None:
    """Remove the route of a gateway endpoint out of a route table that is still there."""
    table = endpoint.ec2_backend.route_tables.get(table_id)
    for route_id, route in list(table._routes.items() if table else ()):
        if route.gateway is endpoint:
            del table._routes[route_id]


def forget(endpoint: Any) -> None:
    """Drop an endpoint with its tags."""
    del endpoint.ec2_backend.vpc_end_points[endpoint.id]
    endpoint.ec2_backend.tags.pop(endpoint.id, None)


def look_at(endpoint: Any) -> None:
    """Let an endpoint go on to its next state; a deleted one is gone, with its interfaces."""
    if endpoint.lifecycle:
        endpoint.lifecycle.advance()
        endpoint.state = endpoint.lifecycle.status
    if endpoint.state == "deleted":
        remove_interfaces(endpoint.ec2_backend, description_of(endpoint))
        forget(endpoint)


class EndpointCalls(EC2Response):
    """VPC endpoints; those of type Interface are pending and deleting until they are looked at."""

    def create_vpc_endpoint(self) -> ActionResult:
        """Check the service and the names in the VPC; place network interfaces."""
        ec2, interface = self.ec2_backend, self._get_param("VpcEndpointType") == "Interface"
        service = self._get_param("ServiceName")
        offered = ec2.describe_vpc_endpoint_services([], [], None, None, self.region)
        if service not in offered["serviceNames"]:
            message = f"The Vpc Endpoint Service '{service}' does not exist"
            raise EC2ClientError("InvalidServiceName", message)
        private_dns = interface and self._get_param("PrivateDnsEnabled", True)
        if private_dns:
            self.check_private_dns(ec2.get_vpc(self._get_param("VpcId")), service)
        answer = super().create_vpc_endpoint()
        endpoint: Any = list(ec2.vpc_end_points.values())[-1]
        endpoint.private_dns_enabled, endpoint.lifecycle = private_dns, None
        endpoint.vpc_endpoint_type = "Interface" if interface else "Gateway"
        if interface:
            for moto_interface in endpoint.network_interface_ids:
                ec2.delete_network_interface(moto_interface)
            if not endpoint.security_group_ids:
                endpoint.security_group_ids = [ec2.get_default_security_group(endpoint.vpc_id).id]
            place_interfaces(endpoint)
            endpoint.state = "pending"
            endpoint.lifecycle = ManagedState(MODEL, [("pending", "available")])
        return answer

    def check_private_dns(self, vpc: Any, service: str) -> None:
        """Refuse private names where the VPC does not resolve names, or has them already."""
        if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
            raise EC2ClientError(
                "InvalidParameter",
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC "
                f"attributes set to true for {vpc.id}",
            )
        for other in self.ec2_backend.vpc_end_points.values():
            if (other.vpc_id, other.service_name) == (
                vpc.id,
                service,
            ) and other.private_dns_enabled:
                raise EC2ClientError(
                    "InvalidParameter",
                    "private-dns-enabled cannot be set because there is already a conflicting DNS "
                    f"domain for {service} in the VPC {vpc.id}",
                )

    def modify_vpc_endpoint(self) -> ActionResult:
        """Move network interfaces and routes; change the policy and the private names."""
        ec2, endpoint_id = self.ec2_backend, self._get_param("VpcEndpointId")
        endpoint = ec2.describe_vpc_endpoints([endpoint_id])[0]
        added = self._get_param("AddRouteTableIds", [])
        for table_id in set(added) - set(endpoint.route_table_ids):
            ec2.create_route(
                table_id,
                None,
                gateway_id=endpoint_id,
                destination_prefix_list_id=endpoint.destination_prefix_list_id,
            )
        for table_id in self._get_param("RemoveRouteTableIds", []):
            remove_route(endpoint, table_id)
        answer = super().modify_vpc_endpoint()
        if self._get_param("ResetPolicy"):
            endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
        private_dns = self._get_param("PrivateDnsEnabled")
        if private_dns and not endpoint.private_dns_enabled:
            self.check_private_dns(ec2.get_vpc(endpoint.vpc_id), endpoint.service_name)
        if private_dns is not None:
            endpoint.private_dns_enabled = private_dns
        if endpoint.vpc_endpoint_type == "Interface":
            place_interfaces(endpoint)
        return answer

    def describe_vpc_endpoints(self) -> ActionResult:
        """Let each endpoint go on."""
        for endpoint in list(self.ec2_backend.vpc_end_points.values()):
            look_at(endpoint)
        return super().describe_vpc_endpoints()

    def delete_vpc_endpoints(self) -> ActionResult:
        """Delete gateway endpoints, begin to delete interface endpoints, name those unknown."""
        endpoints, unknown = self.ec2_backend.vpc_end_points, []
        for endpoint_id in self._get_param("VpcEndpointIds", []):
            endpoint = endpoints.get(endpoint_id)
            if endpoint is None:
                message = f"The Vpc Endpoint Id '{endpoint_id}' does not exist"
                error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": message}
                unknown.append({"ResourceId": endpoint_id, "Error": error})
            elif endpoint.vpc_endpoint_type == "Gateway":
                for table_id in endpoint.route_table_ids:
                    remove_route(endpoint, table_id)
                forget(endpoint)
            else:
                endpoint.state = "deleting"
                endpoint.lifecycle = ManagedState(MODEL, [("deleting", "deleted")])
        return ActionResult({"Unsuccessful": unknown})


def extend() -> None:
    """Let an endpoint go on at each look; moto's own API can set more looks, or seconds."""
    state_manager.register_default_transition(MODEL, {"progression": "manual", "times": 1})
