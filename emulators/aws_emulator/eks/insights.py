"""Insights of the emulated EKS: whether nodes and kube-proxy are ready for the next version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from .call import EKSCall
from .versions import VERSIONS, minor_of

PATHS = ("{0}/clusters/(?P<name>[^/]+)/insights$",)
# Kubernetes lets kubelet and kube-proxy be so many minor versions behind.
MAX_SKEW = 3
SEVERITIES = ["PASSING", "WARNING", "ERROR"]
REASONS = {
    "PASSING": "Everything is new enough for the next version.",
    "WARNING": f"The next version leaves something {MAX_SKEW} minor versions behind.",
    "ERROR": f"The next version leaves something more than {MAX_SKEW} minor versions behind.",
}


def status_of_skew(skew: int) -> str:
    """Return what it means for an upgrade that something is so many versions behind after it."""
    return SEVERITIES[max(0, min(skew - MAX_SKEW + 1, 2))]


def insight_status(status: str) -> dict[str, str]:
    """Return a status with its reason."""
    return {"status": status, "reason": REASONS[status]}


def skew_insight(cluster: Any, name: str, versions: dict[str, str]) -> dict[str, Any]:
    """Return the insight on the versions that things have, which are named by their ARNs."""
    following = minor_of(cluster.version) + 1
    states = {
        arn: status_of_skew(following - minor_of(version)) for arn, version in versions.items()
    }
    return {
        "id": str(uuid5(NAMESPACE_URL, f"{cluster.arn}/{name}")),
        "name": f"{name} version skew",
        "category": "UPGRADE_READINESS",
        "kubernetesVersion": f"1.{following}",
        "lastRefreshTime": utcnow(),
        "lastTransitionTime": cluster.created_at,
        "description": f"Checks the versions of {name} against the next version of Kubernetes.",
        "insightStatus": insight_status(max(states.values(), key=SEVERITIES.index)),
    }


def upgrade_insights(cluster: Any) -> Iterator[dict[str, Any]]:
    """Yield the insights on what a cluster has, where there is a next version."""
    if f"1.{minor_of(cluster.version) + 1}" not in VERSIONS:
        return
    nodes = {group.arn: group.version for group in cluster.nodegroups.values()}
    if nodes:
        yield skew_insight(cluster, "Kubelet", nodes)
    if proxy := cluster.addons.get("kube-proxy"):
        version = proxy["addonVersion"].removeprefix("v")
        yield skew_insight(cluster, "kube-proxy", {proxy["addonArn"]: version})


class InsightCalls(EKSCall):
    """The call that looks at insights."""

    def list_insights(self) -> ActionResult:
        """Return the insights that a filter lets through."""
        asked = self._get_param("filter", {})
        wanted = {
            "category": asked.get("categories"),
            "kubernetesVersion": asked.get("kubernetesVersions"),
            "status": asked.get("statuses"),
        }
        insights = [
            insight
            for insight in upgrade_insights(self.named_cluster())
            if all(
                not values or {**insight, **insight["insightStatus"]}[key] in values
                for key, values in wanted.items()
            )
        ]
        return ActionResult({"insights": insights})
