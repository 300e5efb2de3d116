"""The platform's EKS clusters, and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

from ..core import Aws, Fields
from .common import (
    BY_CLUSTER,
    Item,
    Owner,
    pages,
)

CLUSTER = "AWS::EKS::Cluster"
NODEGROUP = "AWS::EKS::Nodegroup"
# What has no cost: the call that lists it, where the names are, and CloudFormation's type.
PARTS = (
    ("list_addons", "addons[]", "AWS::EKS::Addon"),
    ("list_access_entries", "accessEntries[]", "AWS::EKS::AccessEntry"),
    (
        "list_pod_identity_associations",
        "associations[].associationId",
        "AWS::EKS::PodIdentityAssociation",
    ),
)


def eks_items(aws: Aws, owner: Owner) -> Iterator[Item]:
    """Yield the clusters of the owner, and what belongs to them."""
    eks = aws.client("eks")
    for name in pages(eks, "list_clusters", "clusters[]"):
        cluster = eks.describe_cluster(name=name)["cluster"]
        why = owner.claim(cluster.get("tags", {}))
        if why is None:
            continue
        protected = {"deletion_protection": cluster.get("deletionProtection", False)}
        yield Item(CLUSTER, name, name, why, protected)
        for group in pages(eks, "list_nodegroups", "nodegroups[]", clusterName=name):
            described = eks.describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]
            yield Item(NODEGROUP, group, f"{name}/{group}", BY_CLUSTER, node_properties(described))
        for method, items, type_ in PARTS:
            for part in pages(eks, method, items, clusterName=name):
                yield Item(type_, part, f"{name}/{part}", BY_CLUSTER)


def node_properties(nodegroup: Fields) -> Fields:
    """Return what the cost of a node group depends on, but for the size of its disks.

    Node groups with a launch template do not tell that; the volumes are listed by themselves.
    """
    return {
        "instance_types": nodegroup.get("instanceTypes"),
        "desired_size": nodegroup["scalingConfig"]["desiredSize"],
        "capacity_type": nodegroup.get("capacityType"),
        "disk_size": nodegroup.get("diskSize"),
    }
