"""The emulated EKS: moto's, and what it drops, replaces or does not route."""

from __future__ import annotations

from moto.eks import urls

from . import (
    access_entries,
    addons,
    cluster_updates,
    insights,
    nodegroups,
    pod_identity,
    tags,
    updates,
    versions,
)

PARTS = (
    access_entries,
    addons,
    cluster_updates,
    insights,
    nodegroups,
    pod_identity,
    updates,
    versions,
)


class EKSResponse(
    addons.AddonCalls,
    cluster_updates.ClusterUpdateCalls,
    insights.InsightCalls,
    nodegroups.NodegroupCalls,
    pod_identity.PodIdentityCalls,
    tags.TagCalls,
    updates.UpdateCalls,
    versions.VersionCalls,
):
    """moto's EKS with all the parts."""


def extend() -> None:
    """Route every EKS request, those that moto does not know too, to the class above."""
    for path in (*urls.url_paths, *(path for part in PARTS for path in part.PATHS)):
        urls.url_paths[path] = EKSResponse.dispatch
