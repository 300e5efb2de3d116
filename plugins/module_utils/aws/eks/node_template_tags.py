"""The tags of an Auto Scaling group that tell Cluster Autoscaler what a node of it is like.

EKS does not hand the tags of a node group on to its Auto Scaling group.
"""

from __future__ import annotations

from ..core import (
    Aws,
    Fields,
    listed,
    tag_changes,
)

NODE_TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"


def template_tags(
    labels: dict[str, str], taints: list[Fields], resources: dict[str, str]
) -> dict[str, str]:
    """Return the tags for nodes with these labels, taints and resources."""
    tags = {
        **{f"label/{key}": value for key, value in labels.items()},
        **{f"taint/{taint['key']}": f"{taint['value']}:{taint['effect']}" for taint in taints},
        **{f"resources/{name}": str(quantity) for name, quantity in resources.items()},
    }
    return {NODE_TEMPLATE + key: value for key, value in tags.items()}


def node_template_tags(aws: Aws, group: str) -> dict[str, str]:
    """Return the node template tags of an Auto Scaling group."""
    filters = [{"Name": "auto-scaling-group", "Values": [group]}]
    tags = listed(aws.client("autoscaling"), "describe_tags", "Tags", Filters=filters)
    return {tag["Key"]: tag["Value"] for tag in tags if tag["Key"].startswith(NODE_TEMPLATE)}


def set_node_template_tags(
    aws: Aws, group: str, before: dict[str, str], after: dict[str, str]
) -> None:
    """Bring the node template tags of an Auto Scaling group from ``before`` to ``after``."""
    autoscaling = aws.client("autoscaling")
    resource = {"ResourceId": group, "ResourceType": "auto-scaling-group"}
    changed, removed = tag_changes(before, after)
    if removed:
        autoscaling.delete_tags(Tags=[{**resource, "Key": key} for key in removed])
    if changed:
        autoscaling.create_or_update_tags(
            Tags=[
                {**resource, "Key": key, "Value": value, "PropagateAtLaunch": False}
                for key, value in changed.items()
            ]
        )
