"""The platform's resources of EC2 and Auto Scaling, which tell their tags in their listings."""

from __future__ import annotations

from collections.abc import Iterator

from ..core import Aws
from .common import (
    BY_VPC,
    Item,
    Listing,
    Owner,
    as_mapping,
    item_of,
    owned,
    pages,
)

VPC = Listing("ec2", "describe_vpcs", "Vpcs[]", "AWS::EC2::VPC", "VpcId")
# What is gone or going, or goes with the instance that it is attached to, is left out.
LISTINGS = (
    Listing("ec2", "describe_subnets", "Subnets[]", "AWS::EC2::Subnet", "SubnetId"),
    Listing(
        "ec2",
        "describe_internet_gateways",
        "InternetGateways[]",
        "AWS::EC2::InternetGateway",
        "InternetGatewayId",
    ),
    Listing(
        "ec2",
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGateways[]",
        "AWS::EC2::EgressOnlyInternetGateway",
        "EgressOnlyInternetGatewayId",
    ),
    Listing(
        "ec2", "describe_route_tables", "RouteTables[]", "AWS::EC2::RouteTable", "RouteTableId"
    ),
    Listing(
        "ec2", "describe_addresses", "Addresses[]", "AWS::EC2::EIP", "AllocationId", "PublicIp"
    ),
    Listing(
        "ec2",
        "describe_nat_gateways",
        "NatGateways[?State != 'deleted' && State != 'deleting'][]",
        "AWS::EC2::NatGateway",
        "NatGatewayId",
    ),
    Listing(
        "ec2",
        "describe_vpc_endpoints",
        "VpcEndpoints[?State != 'deleted' && State != 'deleting'][]",
        "AWS::EC2::VPCEndpoint",
        "VpcEndpointId",
        "ServiceName",
        properties={"type": "VpcEndpointType", "subnet_ids": "SubnetIds"},
    ),
    Listing("ec2", "describe_flow_logs", "FlowLogs[]", "AWS::EC2::FlowLog", "FlowLogId"),
    Listing(
        "ec2",
        "describe_instances",
        "Reservations[].Instances[?State.Name != 'terminated' && State.Name != 'shutting-down'][]",
        "AWS::EC2::Instance",
        "InstanceId",
        properties={
            "instance_type": "InstanceType",
            "nodegroup": "Tags[?Key == 'eks:nodegroup-name'].Value | [0]",
        },
    ),
    Listing(
        "ec2",
        "describe_volumes",
        "Volumes[?State != 'deleting' && !(Attachments[?DeleteOnTermination])][]",
        "AWS::EC2::Volume",
        "VolumeId",
        properties={"size": "Size"},
    ),
    Listing(
        "ec2",
        "describe_snapshots",
        "Snapshots[]",
        "AWS::EC2::Snapshot",
        "SnapshotId",
        request={"OwnerIds": ["self"]},
        properties={"size": "VolumeSize"},
    ),
    Listing(
        "ec2",
        "describe_launch_templates",
        "LaunchTemplates[]",
        "AWS::EC2::LaunchTemplate",
        "LaunchTemplateId",
        "LaunchTemplateName",
    ),
)
# Controllers do not tag all of these, and AWS deletes none of them with the VPC that they hold.
IN_VPC = (
    Listing(
        "ec2",
        "describe_security_groups",
        "SecurityGroups[?GroupName != 'default'][]",
        "AWS::EC2::SecurityGroup",
        "GroupId",
        "GroupName",
    ),
    Listing(
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces[?Status == 'available'][]",
        "AWS::EC2::NetworkInterface",
        "NetworkInterfaceId",
        "Description",
        tags="TagSet",
    ),
)
AUTO_SCALING = Listing(
    "autoscaling",
    "describe_auto_scaling_groups",
    "AutoScalingGroups[]",
    "AWS::AutoScaling::AutoScalingGroup",
    "AutoScalingGroupName",
)
# Of all calls of EC2, only these call their filters differently.
ONE_FILTER = {"describe_flow_logs", "describe_nat_gateways"}


def filtered(listing: Listing, name: str, values: list[str]) -> Listing:
    """Return the listing of only what EC2's filter of that name lets through."""
    key = "Filter" if listing.method in ONE_FILTER else "Filters"
    request = {**listing.request, key: [{"Name": name, "Values": values}]}
    return listing._replace(request=request)


def ec2_items(aws: Aws, owner: Owner) -> list[Item]:
    """Return what belongs to the owner by its tags, and what is in a VPC of the owner."""
    vpcs = list(owned(aws, owner, [filtered(VPC, "tag-key", owner.tag_keys)]))
    tagged = [filtered(listing, "tag-key", owner.tag_keys) for listing in LISTINGS]
    return [
        *vpcs,
        *owned(aws, owner, [*tagged, AUTO_SCALING]),
        *items_in(aws, owner, [vpc.id for vpc in vpcs]),
    ]


def items_in(aws: Aws, owner: Owner, vpcs: list[str]) -> Iterator[Item]:
    """Yield the security groups and idle interfaces in these VPCs, or of the owner elsewhere."""
    where, values = ("vpc-id", vpcs) if vpcs else ("tag-key", owner.tag_keys)
    for listing in (filtered(listing, where, values) for listing in IN_VPC):
        for found in pages(aws.client("ec2"), listing.method, listing.items, **listing.request):
            why = owner.claim(as_mapping(found.get(listing.tags)))
            if why or vpcs:
                yield item_of(listing, found, why or BY_VPC)
