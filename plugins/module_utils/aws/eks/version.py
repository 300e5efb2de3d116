"""Kubernetes versions of EKS: which a cluster may get, and what stands in the way of an upgrade."""

from __future__ import annotations

from ..core import (
    Aws,
    AwsError,
    Fields,
    listed,
)

# By Kubernetes' version skew policy, kubelet and kube-proxy may be this many minor versions older
# than the API server.
SKEW = 3
KUBE_PROXY = "kube-proxy"


def minor_of(version: str) -> int:
    """Return the minor version out of one such as ``1.34`` or ``v1.34.1-eksbuild.2``."""
    return int(version.split(".")[1])


def check_version(aws: Aws, cluster: str, current: str | None, wanted: str) -> None:
    """Refuse a version that a cluster cannot get; a new cluster has no current one.

    Raises:
        AwsError: EKS does not offer it, it is no step up, or parts of the cluster do not fit it.
    """
    if current:
        check_step(current, wanted)
    check_offered(aws, wanted)
    if current:
        obstacles = [
            *old_node_groups(aws, cluster, wanted),
            *unfit_addons(aws, cluster, wanted),
            *failed_insights(aws, cluster, wanted),
        ]
        if obstacles:
            raise AwsError(
                f"version: cluster {cluster} cannot go from {current} to {wanted}: "
                + "; ".join(obstacles)
            )


def check_step(current: str, wanted: str) -> None:
    """Refuse a change of version that EKS does not make.

    Raises:
        AwsError: it is not one minor version up.
    """
    following = f"{current.split('.')[0]}.{minor_of(current) + 1}"
    if wanted != following:
        raise AwsError(f"version: EKS goes from {current} to {following} only, not to {wanted}")


def check_offered(aws: Aws, wanted: str) -> None:
    """Refuse a version that EKS does not support.

    Raises:
        AwsError: it is not among those that EKS lists; they are in the message.
    """
    versions = listed(aws.client("eks"), "describe_cluster_versions", "clusterVersions")
    offered = [
        each["clusterVersion"] for each in versions if each["versionStatus"] != "UNSUPPORTED"
    ]
    if wanted not in offered:
        supported = ", ".join(sorted(offered, key=minor_of))
        raise AwsError(f"version is {wanted}; EKS supports: {supported}")


def old_node_groups(aws: Aws, cluster: str, wanted: str) -> list[str]:
    """Name the node groups whose kubelets are too old for a version of the control plane."""
    eks = aws.client("eks")
    names = listed(eks, "list_nodegroups", "nodegroups", clusterName=cluster)
    groups: list[Fields] = [
        eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        for name in names
    ]
    oldest = minor_of(wanted) - SKEW
    return [
        f"node group {group['nodegroupName']} has {group['version']}, and must have at least "
        f"{wanted.split('.')[0]}.{oldest}"
        for group in groups
        if minor_of(group["version"]) < oldest
    ]


def unfit_addons(aws: Aws, cluster: str, wanted: str) -> list[str]:
    """Name the add-ons whose version EKS does not offer for a version of Kubernetes.

    kube-proxy has Kubernetes' own versions, and follows after the control plane.
    """
    eks, unfit = aws.client("eks"), []
    for name in listed(eks, "list_addons", "addons", clusterName=cluster):
        addon = eks.describe_addon(clusterName=cluster, addonName=name)["addon"]
        version = addon["addonVersion"]
        if name == KUBE_PROXY and minor_of(version) >= minor_of(wanted) - SKEW:
            continue
        offers = offered_addons(aws, name, wanted)
        if version not in offers:
            unfit.append(
                f"add-on {name} has {version}, which EKS does not offer for {wanted} "
                f"(default there: {default_of(offers) or 'none'})"
            )
    return unfit


def failed_insights(aws: Aws, cluster: str, wanted: str) -> list[str]:
    """Name the findings of EKS that would break the cluster in a version of Kubernetes."""
    asked = {
        "categories": ["UPGRADE_READINESS"],
        "kubernetesVersions": [wanted],
        "statuses": ["ERROR"],
    }
    insights = listed(
        aws.client("eks"), "list_insights", "insights", clusterName=cluster, filter=asked
    )
    return [f"upgrade insight {each['name']}" for each in insights]


def offered_addons(aws: Aws, addon: str, kubernetes: str) -> dict[str, bool]:
    """Return the versions of an add-on that EKS offers, and of each whether it is the default."""
    addons = listed(
        aws.client("eks"),
        "describe_addon_versions",
        "addons",
        addonName=addon,
        kubernetesVersion=kubernetes,
    )
    return {
        offer["addonVersion"]: any(fit["defaultVersion"] for fit in offer["compatibilities"])
        for each in addons
        for offer in each["addonVersions"]
    }


def default_of(offers: dict[str, bool]) -> str | None:
    """Return the version that EKS recommends."""
    return next((version for version, default in offers.items() if default), None)
