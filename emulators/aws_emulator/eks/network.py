"""What a cluster of the emulated EKS has in a VPC."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from moto.eks.exceptions import InvalidParameterException
from moto.moto_api._internal import mock_random

from ..ec2.dependencies import users_of_group
from ..ec2.interfaces import make_interface, remove_interfaces
from .call import EKSCall

GROUP_DESCRIPTION = (
    "EKS created security group applied to ENI that is attached to EKS Control Plane master "
    "nodes, as well as any managed workloads."
)
SERVICE_CIDR = "172.20.0.0/16"


class ClusterNetwork(EKSCall):
    """The network of a cluster: its checks, its security group and its network interfaces."""

    def cluster_network(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the whole VPC configuration of a request, of which everything must exist."""
        subnets = self.subnets(request["subnetIds"])
        if len({subnet.vpc_id for subnet in subnets}) > 1:
            raise InvalidParameterException(message="Subnets specified must be in the same VPC")
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise InvalidParameterException(
                message="Subnets specified must be in at least two different AZs"
            )
        network = {
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            "securityGroupIds": [],
            "vpcId": subnets[0].vpc_id,
            **request,
        }
        if not network["endpointPublicAccess"] and not network["endpointPrivateAccess"]:
            raise InvalidParameterException(
                message="Private and public endpoint access cannot be false"
            )
        for group in network["securityGroupIds"]:
            if group not in self.ec2.groups[network["vpcId"]]:
                raise InvalidParameterException(
                    message=f"The security group ID '{group}' does not exist in the VPC"
                )
        return network

    def kubernetes_network(self, vpc_id: str) -> dict[str, Any]:
        """Return the addresses of services in a new cluster; they must be none of the VPC."""
        asked = self._get_param("kubernetesNetworkConfig", {})
        network = {"ipFamily": "ipv4", "serviceIpv4Cidr": SERVICE_CIDR, **asked}
        vpc = self.ec2.get_vpc(vpc_id)
        if ip_network(network["serviceIpv4Cidr"]).overlaps(ip_network(vpc.cidr_block)):
            raise InvalidParameterException(
                message=f"The service CIDR {network['serviceIpv4Cidr']} overlaps with the CIDR "
                f"block {vpc.cidr_block} of the VPC"
            )
        return network

    def create_security_group(self, cluster: Any) -> None:
        """Create the security group that EKS makes for control plane and nodes."""
        name = f"eks-cluster-sg-{cluster.name}-{mock_random.randint(10**8, 10**10)}"
        group = self.ec2.create_security_group(
            name,
            GROUP_DESCRIPTION,
            vpc_id=cluster.resources_vpc_config["vpcId"],
            tags={
                "Name": name,
                "aws:eks:cluster-name": cluster.name,
                f"kubernetes.io/cluster/{cluster.name}": "owned",
            },
        )
        self.ec2.authorize_security_group_ingress(
            group.id, "-1", "-1", "-1", [], source_groups=[{"GroupId": group.id}]
        )
        cluster.resources_vpc_config["clusterSecurityGroupId"] = group.id

    def create_interfaces(self, cluster: Any) -> None:
        """Create an interface of the control plane in each subnet."""
        network = cluster.resources_vpc_config
        groups = [network["clusterSecurityGroupId"], *network["securityGroupIds"]]
        for subnet in network["subnetIds"]:
            make_interface(self.ec2, subnet, f"Amazon EKS {cluster.name}", groups=groups)

    def delete_interfaces(self, cluster: Any) -> None:
        """Delete the interfaces of the control plane."""
        remove_interfaces(self.ec2, f"Amazon EKS {cluster.name}")

    def delete_security_group(self, cluster: Any) -> None:
        """Delete the cluster's security group, unless something still uses it."""
        key = cluster.resources_vpc_config["clusterSecurityGroupId"]
        group = self.ec2.get_security_group_from_id(key)
        if group and not any(users_of_group(self.ec2, key)):
            self.ec2.delete_security_group(group_id=key)
