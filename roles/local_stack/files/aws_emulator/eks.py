"""The emulated EKS: moto's, and what it drops, replaces or does not route."""

from __future__ import annotations

from moto.eks import urls

from aws_emulator import (
    eks_access,
    eks_addons,
    eks_cluster_updates,
    eks_insights,
    eks_nodegroups,
    eks_pod_identity,
    eks_tags,
    eks_updates,
    eks_versions,
)

PARTS = (
    eks_access,
    eks_addons,
    eks_cluster_updates,
    eks_insights,
    eks_nodegroups,
    eks_pod_identity,
    eks_updates,
    eks_versions,
)


class EKSResponse(
    eks_addons.AddonCalls,
    eks_cluster_updates.ClusterUpdateCalls,
    eks_insights.InsightCalls,
    eks_nodegroups.NodegroupCalls,
    eks_pod_identity.PodIdentityCalls,
    eks_tags.TagCalls,
    eks_updates.UpdateCalls,
    eks_versions.VersionCalls,
):
    """moto's EKS with all the parts."""


def extend() -> None:
    """Route every EKS request, those that moto does not know too, to the class above."""
    for path in (*urls.url_paths, *(path for part in PARTS for path in part.PATHS)):
        urls.url_paths[path] = EKSResponse.dispatch
