"""The fields of an EKS node group: under the names of the module's options, and as EKS has them."""

from __future__ import annotations

import re

from ..core import (
    AwsError,
    Fields,
    given,
    sorted_or_none,
    tags_after,
)
from .node_rules import SIZES_ALLOWED, sizes_fit
from .node_template_tags import (
    template_tags,
)
from .version import minor_of

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


def nodegroup_view(nodegroup: Fields) -> Fields:
    """Return the managed fields of a described node group, under the names of the options."""
    view: Fields = {field: nodegroup.get(key) for field, key in FIXED_FIELDS.items()}
    sizes = {field: nodegroup["scalingConfig"][key] for field, key in SIZES.items()}
    template = nodegroup.get("launchTemplate") or {}
    return {
        **view,
        **sizes,
        "subnet_ids": sorted(view["subnet_ids"]),
        "version": nodegroup.get("version"),
        "launch_template_name": template.get("name"),
        "launch_template_version": template.get("version"),
        "labels": nodegroup.get("labels") or {},
        "taints": sorted_taints(nodegroup.get("taints") or []),
        "max_unavailable": (nodegroup.get("updateConfig") or {}).get("maxUnavailable"),
        "tags": nodegroup.get("tags") or {},
    }


def version_in_use(nodegroup: Fields | None) -> int | None:
    """Return the version of the launch template that the nodes have."""
    template = (nodegroup or {}).get("launchTemplate")
    return int(template["version"]) if template else None


def group_name(nodegroup: Fields) -> str | None:
    """Return the name of the Auto Scaling group behind a node group, once it has one."""
    groups = nodegroup.get("resources", {}).get("autoScalingGroups", [])
    return groups[0]["name"] if groups else None


def wanted_nodegroup(params: Fields, view: Fields) -> Fields:
    """Return the fields that the options set, comparable with a view of the node group.

    The desired size is the autoscaler's unless an option sets it: it only moves as far as new
    limits force it to.
    """
    taints = None if params["taints"] is None else sorted_taints(params["taints"])
    desired = params["desired_size"]
    if desired is None:
        desired = view.get("desired_size", params["min_size"])
        desired = min(max(desired, params["min_size"]), params["max_size"])
    return given(
        ami_type=params["ami_type"],
        capacity_type=params["capacity_type"],
        disk_size=params["disk_size"],
        # For On-Demand capacity the order of the types is their priority.
        instance_types=params["instance_types"],
        subnet_ids=sorted_or_none(params["subnet_ids"]),
        version=params["version"],
        min_size=params["min_size"],
        max_size=params["max_size"],
        desired_size=desired,
        labels=params["labels"],
        taints=taints,
        max_unavailable=params["max_unavailable"],
        tags=tags_after(view.get("tags", {}), params),
    )


def wanted_template_tags(params: Fields, wanted: Fields, view: Fields) -> dict[str, str]:
    """Return the tags of the Auto Scaling group; labels and taints may be others' to set."""
    after = {"labels": {}, "taints": [], **view, **wanted}
    resources = params["node_template_resources"] or {}
    return template_tags(after["labels"], after["taints"], resources)


def creation_request(wanted: Fields) -> Fields:
    """Return the wanted fields as CreateNodegroup takes them."""
    return given(
        **{key: wanted.get(field) for field, key in FIXED_FIELDS.items()},
        version=wanted.get("version"),
        launchTemplate=template_request(wanted) if "launch_template_name" in wanted else None,
        scalingConfig=sizes_request(wanted),
        labels=wanted.get("labels"),
        taints=taints_request(wanted["taints"]) if "taints" in wanted else None,
        updateConfig=update_request(wanted) if "max_unavailable" in wanted else None,
        tags=wanted.get("tags"),
    )


def config_request(before: Fields, wanted: Fields, changed: set[str]) -> Fields:
    """Return what UpdateNodegroupConfig is to change."""
    request: Fields = {}
    if "labels" in changed:
        request["labels"] = {
            "addOrUpdateLabels": wanted["labels"],
            "removeLabels": sorted(set(before["labels"]) - set(wanted["labels"])),
        }
    if "taints" in changed:
        request["taints"] = taint_changes(before["taints"], wanted["taints"])
    if changed & set(SIZES):
        request["scalingConfig"] = sizes_request(wanted)
    if "max_unavailable" in changed:
        request["updateConfig"] = update_request(wanted)
    return request


def version_request(wanted: Fields, changed: set[str]) -> Fields:
    """Return what UpdateNodegroupVersion is to change, which replaces the nodes."""
    request: Fields = {}
    if "version" in changed:
        request["version"] = wanted["version"]
    if "launch_template_version" in changed:
        request["launchTemplate"] = template_request(wanted)
    return request


def template_request(wanted: Fields) -> Fields:
    """Return a version of a launch template as the EKS API takes it."""
    return {"name": wanted["launch_template_name"], "version": wanted["launch_template_version"]}


def sizes_request(wanted: Fields) -> Fields:
    """Return the sizes as the EKS API takes them."""
    return {key: wanted[field] for field, key in SIZES.items()}


def update_request(wanted: Fields) -> Fields:
    """Return how updates replace nodes, as the EKS API takes it."""
    return {"maxUnavailable": wanted["max_unavailable"]}


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


def taint_changes(before: list[Fields], after: list[Fields]) -> Fields:
    """Return the request that replaces taints; key and effect together name a taint."""
    kept = {(taint["key"], taint["effect"]) for taint in after}
    removed = [taint for taint in before if (taint["key"], taint["effect"]) not in kept]
    added = [taint for taint in after if taint not in before]
    changes = {"addOrUpdateTaints": added, "removeTaints": removed}
    return {key: taints_request(taints) for key, taints in changes.items() if taints}


def check_options(params: Fields) -> None:
    """Refuse options that EKS or EC2 would refuse.

    Raises:
        AwsError: sizes are out of order, the version is none, or a key encrypts nothing.
    """
    if not sizes_fit(params):
        sizes = ", ".join(f"{size} is {params[size]}" for size in SIZES)
        raise AwsError(f"{sizes}; it must be {SIZES_ALLOWED}")
    version = params["version"]
    if version is not None and not re.fullmatch(r"1\.[0-9]+", version):
        raise AwsError(f"version is {version}, but must be one such as 1.34")
    template = params["launch_template"] or {}
    if template.get("disk_kms_key") and not template["disk_encrypted"]:
        raise AwsError("launch_template: disk_kms_key needs disk_encrypted")


def check_node_version(wanted: str, current: str | None, cluster: str | None) -> None:
    """Refuse a Kubernetes version that the nodes cannot have.

    Raises:
        AwsError: it is older than the current one, or newer than the cluster's.
    """
    if current and minor_of(wanted) < minor_of(current):
        raise AwsError(
            f"version: EKS takes nodes from {current} to no earlier one such as {wanted}"
        )
    if cluster and minor_of(wanted) > minor_of(cluster):
        raise AwsError(
            f"version: nodes must not be newer than their cluster, which has {cluster}: {wanted}"
        )
