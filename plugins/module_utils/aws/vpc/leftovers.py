"""What controllers of a cluster leave in a VPC: load balancers, network interfaces, rules."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..core import (
    AwsTimeoutError,
    Fields,
    listed,
)
from .endpoints import (
    SECURITY_GROUP,
)
from .network import Kind, Network

LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
CLASSIC_LOAD_BALANCER = "AWS::ElasticLoadBalancing::LoadBalancer"
NETWORK_INTERFACE = Kind("AWS::EC2::NetworkInterface", "network-interface", "NetworkInterfaceId")


def remove_load_balancers(network: Network) -> None:
    """Delete the load balancers of the VPC with their listeners, then their target groups."""
    if not network.existed:
        return
    elbv2, elb = network.aws.client("elbv2"), network.aws.client("elb")
    balancers = of_vpc(network, elbv2, "describe_load_balancers", "LoadBalancers")
    for balancer in balancers:
        arn = balancer["LoadBalancerArn"]
        delete = partial(elbv2.delete_load_balancer, LoadBalancerArn=arn)
        network.remove(LOAD_BALANCER, balancer["LoadBalancerName"], arn, delete)
    search = partial(of_vpc, network, elbv2, "describe_load_balancers", "LoadBalancers")
    if balancers and not network.aws.check_mode:
        goal = f"load balancers of {network.name} deleted"
        network.aws.until(lambda: None if search() else True, goal)
    for group in of_vpc(network, elbv2, "describe_target_groups", "TargetGroups"):
        arn = group["TargetGroupArn"]
        delete = partial(elbv2.delete_target_group, TargetGroupArn=arn)
        network.remove(TARGET_GROUP, group["TargetGroupName"], arn, delete)
    classic = listed(elb, "describe_load_balancers", "LoadBalancerDescriptions")
    for balancer in classic:
        if balancer.get("VPCId") == network.vpc_id:
            name = balancer["LoadBalancerName"]
            delete = partial(elb.delete_load_balancer, LoadBalancerName=name)
            network.remove(CLASSIC_LOAD_BALANCER, name, name, delete)


def of_vpc(network: Network, elbv2: Any, method: str, key: str) -> list[Fields]:
    """Return what is in the VPC of all that elbv2 lists; it cannot search by VPC."""
    return [found for found in listed(elbv2, method, key) if found.get("VpcId") == network.vpc_id]


def remove_network_interfaces(network: Network, of_parts: set[str]) -> None:
    """Delete network interfaces that nothing uses, and wait for the others to end.

    ``of_parts`` are those of NAT gateways and endpoints, which end with them.

    Raises:
        AwsTimeoutError: some are still in use; the message names each, what it is for and whose.
    """
    left: list[Fields] = []

    def gone() -> bool | None:
        found = network.parts("describe_network_interfaces", "NetworkInterfaces")
        others = [item for item in found if item["NetworkInterfaceId"] not in of_parts]
        left[:] = [item for item in others if item["Status"] != "available"]
        for interface in others:
            if interface["Status"] == "available":
                network.delete(NETWORK_INTERFACE, interface, "delete_network_interface")
        return None if left and not network.aws.check_mode else True

    try:
        network.aws.until(gone, f"network interfaces of {network.name} gone")
    except AwsTimeoutError as error:
        users = "; ".join(map(user_of, left))
        raise AwsTimeoutError(f"{error}. Still in use: {users}") from error


def user_of(interface: Fields) -> str:
    """Return what messages say of a network interface: its id, its purpose and its owner."""
    attachment = interface.get("Attachment", {})
    owner = (
        attachment.get("InstanceId")
        or attachment.get("InstanceOwnerId")
        or interface.get("RequesterId")
        or interface.get("OwnerId")
    )
    description = interface.get("Description") or "no description"
    return f"{interface['NetworkInterfaceId']} ({description}, owner {owner})"


def remove_security_groups(network: Network) -> None:
    """Delete all security groups of the VPC but the default one.

    First the rules go by which one group names another, since such a group cannot be deleted.
    """
    groups = network.parts("describe_security_groups", "SecurityGroups")
    if not network.aws.check_mode:
        for group in groups:
            revoke_references(network, group)
    for group in groups:
        if group["GroupName"] != "default":
            delete = partial(network.ec2.delete_security_group, GroupId=group["GroupId"])
            network.remove(SECURITY_GROUP.type, group["GroupName"], group["GroupId"], delete)


def revoke_references(network: Network, group: Fields) -> None:
    """Revoke the rules of a security group that name other groups."""
    for key, method in (
        ("IpPermissions", network.ec2.revoke_security_group_ingress),
        ("IpPermissionsEgress", network.ec2.revoke_security_group_egress),
    ):
        rules = [rule for rule in map(partial(reference, group), group.get(key, [])) if rule]
        if rules:
            network.gone(partial(method, GroupId=group["GroupId"], IpPermissions=rules))


def reference(group: Fields, rule: Fields) -> Fields | None:
    """Return the part of a rule that names other groups, or None."""
    pairs = [
        {"GroupId": pair["GroupId"]}
        for pair in rule.get("UserIdGroupPairs", [])
        if pair["GroupId"] != group["GroupId"]
    ]
    if not pairs:
        return None
    fixed: Fields = {
        name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule
    }
    return {**fixed, "UserIdGroupPairs": pairs}
