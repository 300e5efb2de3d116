"""EKS node groups: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    Fields,
    Planned,
    differences,
    given,
    listed,
    report,
    sorted_or_none,
    tag_changes,
    tags_after,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.eks import (
    check_fixed,
    check_role,
    issues_of,
    look_up,
    retag,
    unhealthy,
    wait_for,
    wait_for_cluster,
    wait_for_update,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.iam_role import role_arn

# Kubernetes' words for the effects of a taint, and those of the EKS API.
EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
KUBERNETES_EFFECTS = {theirs: ours for ours, theirs in EFFECTS.items()}
# What EKS fixes when it creates a node group, under the names of its API.
FIXED_FIELDS = {
    "ami_type": "amiType",
    "capacity_type": "capacityType",
    "disk_size": "diskSize",
    "instance_types": "instanceTypes",
    "subnet_ids": "subnets",
}
SIZES = {"min_size": "minSize", "max_size": "maxSize", "desired_size": "desiredSize"}
NODE_TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"


def ensure_nodegroup(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a node group.

    Raises:
        AwsError: EKS reports a failure, or what is asked for cannot be reached by an update.
    """
    cluster, name = params["cluster_name"], params["name"]
    what = Planned("nodegroup", "AWS::EKS::Nodegroup", f"{cluster}/{name}")
    current = describe_nodegroup(aws, cluster, name)
    if params["state"] == "absent":
        if current and not aws.check_mode:
            delete_nodegroup(aws, cluster, name, current)
        return report(what, {}, {"name": name} if current else {}, {})

    wanted = wanted_nodegroup(params, current)
    if current is None:
        if not aws.check_mode:
            current = create_nodegroup(aws, params, wanted)
        planned = {"nodegroupName": name, "clusterName": cluster, "status": "PLANNED"}
        return report(what, current or planned, {}, wanted)

    if not aws.check_mode:
        current = wait_for_nodegroup(aws, cluster, name)
    check_role(current["nodeRole"], params["node_role"])
    view = nodegroup_view(current)
    if params["node_template_tags"]:
        view["node_template_tags"] = node_template_tags(aws, group_name(current))
    before: Fields = {field: view.get(field) for field in wanted}
    changed = differences(before, wanted)
    advice = "make a node group of another name, then delete this one"
    check_fixed(f"node group {name}", before, wanted, set(FIXED_FIELDS), advice)
    if changed and not aws.check_mode:
        update_nodegroup(aws, current, before, wanted, changed)
        retag(aws, current["nodegroupArn"], before.get("tags", {}), wanted.get("tags", {}))
        current = wait_for_nodegroup(aws, cluster, name)
    return report(what, current, before, wanted)


def describe_nodegroup(aws: Aws, cluster: str, name: str) -> Fields | None:
    """Return the node group, or None where it or its cluster does not exist."""
    names = {"clusterName": cluster, "nodegroupName": name}
    return look_up(aws, "describe_nodegroup", "nodegroup", **names)


def nodegroup_view(nodegroup: Fields) -> Fields:
    """Return the managed fields of a described node group, under the names of the options."""
    view: Fields = {field: nodegroup.get(key) for field, key in FIXED_FIELDS.items()}
    sizes = {field: nodegroup["scalingConfig"][key] for field, key in SIZES.items()}
    return {
        **view,
        **sizes,
        "subnet_ids": sorted(view["subnet_ids"]),
        "labels": nodegroup.get("labels") or {},
        "taints": sorted_taints(nodegroup.get("taints") or []),
        "max_unavailable": (nodegroup.get("updateConfig") or {}).get("maxUnavailable"),
        "tags": nodegroup.get("tags") or {},
    }


def wanted_nodegroup(params: Fields, current: Fields | None) -> Fields:
    """Return the fields that the options set, comparable with a view of the node group.

    The desired size is the autoscaler's unless an option sets it: it only moves as far as new
    limits force it to.
    """
    now = nodegroup_view(current) if current else {"labels": {}, "taints": [], "tags": {}}
    taints = None if params["taints"] is None else sorted_taints(params["taints"])
    desired = params["desired_size"]
    if desired is None:
        desired = now.get("desired_size", params["min_size"])
        desired = min(max(desired, params["min_size"]), params["max_size"])
    return given(
        ami_type=params["ami_type"],
        capacity_type=params["capacity_type"],
        disk_size=params["disk_size"],
        # For On-Demand capacity the order of the types is their priority.
        instance_types=params["instance_types"],
        subnet_ids=sorted_or_none(params["subnet_ids"]),
        min_size=params["min_size"],
        max_size=params["max_size"],
        desired_size=desired,
        labels=params["labels"],
        taints=taints,
        max_unavailable=params["max_unavailable"],
        tags=tags_after(now["tags"], params),
        node_template_tags=template_tags(
            now["labels"] if params["labels"] is None else params["labels"],
            now["taints"] if taints is None else taints,
        )
        if params["node_template_tags"]
        else None,
    )


def sorted_taints(taints: list[Fields]) -> list[Fields]:
    """Return taints in a fixed order, with Kubernetes' words for the effects."""
    words = [
        {
            "key": taint["key"],
            "value": taint.get("value") or "",
            "effect": KUBERNETES_EFFECTS.get(taint["effect"], taint["effect"]),
        }
        for taint in taints
    ]
    return sorted(words, key=lambda taint: (taint["key"], taint["effect"]))


def taints_request(taints: list[Fields]) -> list[Fields]:
    """Return taints as the EKS API takes them."""
    return [{**taint, "effect": EFFECTS[taint["effect"]]} for taint in taints]


def template_tags(labels: dict[str, str], taints: list[Fields]) -> dict[str, str]:
    """Return the tags that tell Cluster Autoscaler what a node of an empty group is like."""
    return {
        **{f"{NODE_TEMPLATE}label/{key}": value for key, value in labels.items()},
        **{
            f"{NODE_TEMPLATE}taint/{taint['key']}": f"{taint['value']}:{taint['effect']}"
            for taint in taints
        },
    }


def group_name(nodegroup: Fields) -> str | None:
    """Return the name of the Auto Scaling group behind a node group, once it has one."""
    groups = nodegroup.get("resources", {}).get("autoScalingGroups", [])
    return groups[0]["name"] if groups else None


def node_template_tags(aws: Aws, group: str | None) -> dict[str, str]:
    """Return the node template tags of an Auto Scaling group."""
    filters = [{"Name": "auto-scaling-group", "Values": [group]}]
    tags = listed(aws.client("autoscaling"), "describe_tags", "Tags", Filters=filters)
    return {tag["Key"]: tag["Value"] for tag in tags if tag["Key"].startswith(NODE_TEMPLATE)}


def set_node_template_tags(
    aws: Aws, group: str | None, before: dict[str, str], after: dict[str, str]
) -> None:
    """Bring the node template tags of an Auto Scaling group from ``before`` to ``after``.

    EKS does not hand the tags of a node group on to its Auto Scaling group.
    """
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


def create_nodegroup(aws: Aws, params: Fields, wanted: Fields) -> Fields:
    """Create the node group in an active cluster, and wait for it where asked to."""
    cluster, name = params["cluster_name"], params["name"]
    subnet_ids = wait_for_cluster(aws, cluster)["resourcesVpcConfig"]["subnetIds"]
    fixed = {key: wanted[field] for field, key in FIXED_FIELDS.items() if field in wanted}
    request = given(
        **{"subnets": subnet_ids, **fixed},
        clusterName=cluster,
        nodegroupName=name,
        nodeRole=role_arn(aws, params["node_role"]),
        scalingConfig={key: wanted[field] for field, key in SIZES.items()},
        labels=wanted.get("labels"),
        taints=taints_request(wanted["taints"]) if "taints" in wanted else None,
        updateConfig={"maxUnavailable": wanted["max_unavailable"]}
        if "max_unavailable" in wanted
        else None,
        tags=wanted.get("tags"),
    )
    nodegroup = aws.client("eks").create_nodegroup(**request)["nodegroup"]
    if aws.wait:
        nodegroup = wait_for_nodegroup(aws, cluster, name)
        if "node_template_tags" in wanted:
            tags = wanted["node_template_tags"]
            set_node_template_tags(aws, group_name(nodegroup), {}, tags)
    return nodegroup


def update_nodegroup(
    aws: Aws, nodegroup: Fields, before: Fields, wanted: Fields, changed: set[str]
) -> None:
    """Send all changes of the configuration as one update, then the tags for the autoscaler."""
    request: Fields = {}
    if "labels" in changed:
        request["labels"] = {
            "addOrUpdateLabels": wanted["labels"],
            "removeLabels": sorted(set(before["labels"]) - set(wanted["labels"])),
        }
    if "taints" in changed:
        request["taints"] = taint_changes(before["taints"], wanted["taints"])
    if changed & set(SIZES):
        request["scalingConfig"] = {key: wanted[field] for field, key in SIZES.items()}
    if "max_unavailable" in changed:
        request["updateConfig"] = {"maxUnavailable": wanted["max_unavailable"]}
    if request:
        names = {
            "clusterName": nodegroup["clusterName"],
            "nodegroupName": nodegroup["nodegroupName"],
        }
        update = aws.client("eks").update_nodegroup_config(**names, **request)["update"]
        wait_for_update(
            aws,
            update,
            name=nodegroup["clusterName"],
            nodegroupName=nodegroup["nodegroupName"],
        )
    if "node_template_tags" in changed:
        old, new = before["node_template_tags"], wanted["node_template_tags"]
        set_node_template_tags(aws, group_name(nodegroup), old, new)


def taint_changes(before: list[Fields], after: list[Fields]) -> Fields:
    """Return the request that replaces taints; key and effect together name a taint."""
    kept = {(taint["key"], taint["effect"]) for taint in after}
    removed = [taint for taint in before if (taint["key"], taint["effect"]) not in kept]
    added = [taint for taint in after if taint not in before]
    changes = {"addOrUpdateTaints": added, "removeTaints": removed}
    return {key: taints_request(taints) for key, taints in changes.items() if taints}


def delete_nodegroup(aws: Aws, cluster: str, name: str, current: Fields) -> None:
    """Delete the node group unless it is being deleted, and wait for its end where asked to.

    Raises:
        AwsError: EKS could not delete it; the health issues say why.
    """
    if current["status"] != "DELETING":
        aws.client("eks").delete_nodegroup(clusterName=cluster, nodegroupName=name)

    def gone() -> bool | None:
        nodegroup = describe_nodegroup(aws, cluster, name)
        if nodegroup and nodegroup["status"] == "DELETE_FAILED":
            raise unhealthy(f"node group {name}", nodegroup)
        return None if nodegroup else True

    if aws.wait:
        aws.until(gone, f"node group {name} deleted")


def wait_for_nodegroup(aws: Aws, cluster: str, name: str) -> Fields:
    """Return the node group once it takes updates.

    While EKS creates a node group it goes on trying for a long time, so the first health issue
    ends the wait.

    Raises:
        AwsError: EKS reports health issues or a failure, or it takes too long.
    """
    return wait_for(
        aws,
        f"node group {name}",
        lambda: describe_nodegroup(aws, cluster, name),
        {"ACTIVE", "DEGRADED"},
        lambda group: (
            group["status"] == "UPDATING"
            or (group["status"] == "CREATING" and not issues_of(group))
        ),
    )
