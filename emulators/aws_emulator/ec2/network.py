"""Corrections to moto's VPCs: what ends with a subnet or VPC, IPv6, gateways and flow logs."""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import vpcs
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses import EC2Response
from moto.ec2.utils import generic_filter
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

# The types under which DescribeTags lists resources, by the beginning of their ids.
TAG_TYPES = {"eipalloc": "elastic-ip", "fl": "vpc-flow-log", "nat": "natgateway"}


class NetworkCalls(EC2Response):
    """Parts of a VPC that behave as at AWS."""

    def delete_subnet(self) -> ActionResult:
        """End the associations of a subnet with it."""
        subnet_id, answer = self._get_param("SubnetId"), super().delete_subnet()
        for table in self.ec2_backend.route_tables.values():
            for association, associated in list(table._associations.items()):
                if associated == subnet_id:
                    del table._associations[association]
        return answer

    def delete_route_table(self) -> ActionResult:
        """Take a route table from the endpoints that lead out of it."""
        table_id, answer = self._get_param("RouteTableId"), super().delete_route_table()
        for endpoint in self.ec2_backend.vpc_end_points.values():
            endpoint.route_table_ids = [
                each for each in endpoint.route_table_ids if each != table_id
            ]
        return answer

    def attach_internet_gateway(self) -> ActionResult:
        """Refuse a second internet gateway."""
        vpc_id, gateway_id = self._get_param("VpcId"), self._get_param("InternetGatewayId")
        for gateway in self.ec2_backend.internet_gateways.values():
            if gateway.vpc and gateway.vpc.id == vpc_id and gateway.id != gateway_id:
                message = f"Network {vpc_id} already has an internet gateway attached"
                raise EC2ClientError("InvalidParameterValue", message)
        return super().attach_internet_gateway()

    def describe_egress_only_internet_gateways(self) -> ActionResult:
        """Apply the filters, which moto leaves out."""
        ids = self._get_param("EgressOnlyInternetGatewayIds", [])
        found = self.ec2_backend.describe_egress_only_internet_gateways(ids)
        filters = self._filters_from_querystring()
        return ActionResult({"EgressOnlyInternetGateways": generic_filter(filters, found)})

    def create_flow_logs(self) -> ActionResult:
        """Refuse a role that does not exist; take the log group by its ARN, too."""
        role = self._get_param("DeliverLogsPermissionArn")
        if role:
            try:
                iam_backends[self.current_account][self.partition].get_role_by_arn(role)
            except NotFoundException as error:
                message = "Unable to assume given IAM role"
                raise EC2ClientError("InvalidParameter", message) from error
        params: Any = self.params
        destination = params.get("LogDestination") or ""
        if ":log-group:" in destination:
            params["LogGroupName"] = destination.partition(":log-group:")[2].removesuffix(":*")
        return super().create_flow_logs()


def ipv6_associations(subnet: Any) -> list[dict[str, Any]]:
    """Return the IPv6 blocks of a subnet; moto puts the state of each into a state."""
    return [
        each
        for each in subnet.ipv6_cidr_block_associations.values()
        if each["ipv6CidrBlockState"]["State"] == "associated"
    ]


def random_ipv6_cidr() -> str:
    """Return a block as AWS writes it, so that it compares with those of its subnets."""
    return str(ipaddress.ip_network(utils.random_ipv6_cidr()))


def extend() -> None:
    """Put the functions above in the place of moto's.

    Under moto's own names of types a search for tags finds none, and a module that compares them
    reports a change on every run.
    """
    utils.EC2_PREFIX_TO_RESOURCE.update(TAG_TYPES)
    subnets: Any = Subnet
    subnets.ipv6_cidr_block_association_set = property(ipv6_associations)
    vpc_module: Any = vpcs
    vpc_module.random_ipv6_cidr = random_ipv6_cidr
