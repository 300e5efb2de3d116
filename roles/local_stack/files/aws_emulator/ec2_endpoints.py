"""Corrections to moto's VPC endpoints: their routes, network interfaces, and their end."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidRouteError
from moto.ec2.responses import EC2Response

from aws_emulator.ec2_interfaces import make_interface, remove_interfaces


class EndpointCalls(EC2Response):
    """VPC endpoints that are deleting until they are looked at, and then gone."""

    def create_vpc_endpoint(self) -> ActionResult:
        """Put the network interfaces of a new endpoint into its security groups."""
        answer = super().create_vpc_endpoint()
        endpoint: Any = self.ec2_backend.vpc_end_points[list(self.ec2_backend.vpc_end_points)[-1]]
        for interface in endpoint.network_interface_ids:
            del self.ec2_backend.enis[interface]
        self.place(endpoint)
        return answer

    def place(self, endpoint: Any) -> None:
        """Give an interface endpoint one network interface in each of its subnets."""
        description = f"VPC Endpoint Interface {endpoint.id}"
        remove_interfaces(self.ec2_backend, description)
        endpoint.network_interface_ids = [
            make_interface(
                self.ec2_backend, subnet, description, "vpc_endpoint", endpoint.security_group_ids
            ).id
            for subnet in endpoint.subnet_ids
        ]

    def modify_vpc_endpoint(self) -> ActionResult:
        """Move routes and network interfaces along, and take private DNS on or off."""
        answer = super().modify_vpc_endpoint()
        endpoint: Any = self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")]
        prefix_list = endpoint.destination_prefix_list_id
        for table in self._get_param("AddRouteTableIds", []):
            self.ec2_backend.create_route(
                table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list
            )
        for table in self._get_param("RemoveRouteTableIds", []):
            self.ec2_backend.delete_route(table, prefix_list)
        self.place(endpoint)
        private_dns = self._get_bool_param("PrivateDnsEnabled")
        if private_dns is not None:
            endpoint.private_dns_enabled = private_dns
        return answer

    def describe_vpc_endpoints(self) -> ActionResult:
        """Show an endpoint once more as deleting, and then no more."""
        answer = super().describe_vpc_endpoints()
        for endpoint in list(self.ec2_backend.vpc_end_points.values()):
            if endpoint.state == "deleting":
                del self.ec2_backend.vpc_end_points[endpoint.id]
                remove_interfaces(self.ec2_backend, f"VPC Endpoint Interface {endpoint.id}")
        return answer

    def delete_vpc_endpoints(self) -> ActionResult:
        """Begin to delete endpoints; the routes to them go at once."""
        failures = []
        for name in self._get_param("VpcEndpointIds", []):
            endpoint: Any = self.ec2_backend.vpc_end_points.get(name)
            if endpoint is None:
                message = f"The Vpc Endpoint Id '{name}' does not exist"
                error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": message}
                failures.append({"ResourceId": name, "Error": error})
                continue
            endpoint.state = "deleting"
            for table in endpoint.route_table_ids:
                self.remove_route(table, endpoint.destination_prefix_list_id)
        return ActionResult({"Unsuccessful": failures})

    def remove_route(self, table: str, prefix_list: str) -> None:
        """Delete the route to an endpoint if the table is there and has it."""
        try:
            self.ec2_backend.delete_route(table, prefix_list)
        except InvalidRouteError:
            return
