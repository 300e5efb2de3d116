"""All that belongs to a platform in its account and what it costs, and removing what is left."""

from __future__ import annotations

from ...changes import changes_of
from ...cost import (
    Prices,
    Resource,
    hourly_price,
    prices_in,
)
from ..core import Aws, Fields
from .common import Item, Owner
from .ec2 import ec2_items
from .eks import (
    NODEGROUP,
    eks_items,
)
from .services import (
    LOG_GROUP,
    service_items,
)

OWNER_OPTIONS = {
    "owner_tags": {"type": "dict", "required": True},
    "cluster_name": {"required": True},
}
VPC = "AWS::EC2::VPC"
INSTANCE = "AWS::EC2::Instance"
# How what controllers and EKS leave behind is deleted: service, call, parameter. Snapshots come
# last, for one that is being taken needs its volume.
LEFTOVERS = {
    "AWS::EC2::Volume": ("ec2", "delete_volume", "VolumeId"),
    "AWS::EC2::Snapshot": ("ec2", "delete_snapshot", "SnapshotId"),
    LOG_GROUP: ("logs", "delete_log_group", "logGroupName"),
}


def find_items(aws: Aws, owner: Owner) -> list[Item]:
    """Return all that belongs to the owner; nodes count with their node group while it is there."""
    of_eks = list(eks_items(aws, owner))
    nodegroups = {item.id for item in of_eks if item.type == NODEGROUP}
    of_ec2 = [
        item
        for item in ec2_items(aws, owner)
        if item.type != INSTANCE or item.properties["nodegroup"] not in nodegroups
    ]
    vpcs = {item.id for item in of_ec2 if item.type == VPC}
    return [*of_eks, *of_ec2, *service_items(aws, owner, vpcs)]


def inventory(aws: Aws, params: Fields) -> Fields:
    """Return all that belongs to the platform, what it costs in an hour, and who asks."""
    region = aws.client("ec2").meta.region_name
    prices = prices_in(params["prices"], region)
    owner = Owner(params["owner_tags"], params["cluster_name"])
    resources = [described(item, region, prices) for item in find_items(aws, owner)]
    return {
        "changed": False,
        "resources": resources,
        "hourly": round(sum(resource["hourly"] or 0 for resource in resources), 4),
        "caller": aws.client("sts").get_caller_identity()["Arn"],
        "diff": {},
    }


def described(item: Item, region: str, prices: Prices) -> Fields:
    """Return what the inventory tells of a resource."""
    resource = Resource(type=item.type, name=item.name, properties=item.properties)
    hourly = hourly_price(resource, prices)
    return {
        "type": item.type,
        "id": item.id,
        "name": item.name,
        "region": item.region or region,
        "why": item.why,
        "properties": item.properties,
        "hourly": None if hourly is None else round(hourly, 6),
    }


def remove_leftovers(aws: Aws, params: Fields) -> Fields:
    """Delete the volumes, snapshots and log groups that belong to the platform."""
    owner = Owner(params["owner_tags"], params["cluster_name"])
    changes = []
    removed = {}
    found = find_items(aws, owner)
    for type_, (service, method, parameter) in LEFTOVERS.items():
        for item in (item for item in found if item.type == type_):
            if not aws.check_mode:
                getattr(aws.client(service), method)(**{parameter: item.id})
            removed[item.id] = {"type": type_, "name": item.name}
            changes += changes_of(type_, item.name, removed[item.id], {})
    return {
        "changed": bool(changes),
        "changes": changes,
        "diff": {"before": removed, "after": {}},
    }
