"""Tags of everything in the emulated EKS; moto knows those of clusters only."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.eks.exceptions import ResourceNotFoundException

from .call import EKSCall


class TagCalls(EKSCall):
    """The calls for tags, which name a resource by its ARN."""

    def asked_tags(self) -> dict[str, str]:
        """Return the tags of what has the ARN in the path."""
        arn = self._extract_arn_from_path()
        clusters: dict[str, Any] = self.eks_backend.clusters
        for cluster in clusters.values():
            tags: dict[str, dict[str, str]] = {
                cluster.arn: cluster.tags,
                **{nodegroup.arn: nodegroup.tags for nodegroup in cluster.nodegroups.values()},
                **{
                    entry["accessEntryArn"]: entry["tags"]
                    for entry in cluster.access_entries.values()
                },
                **{addon["addonArn"]: addon["tags"] for addon in cluster.addons.values()},
                **{each["associationArn"]: each["tags"] for each in cluster.associations.values()},
            }
            if arn in tags:
                return tags[arn]
        raise ResourceNotFoundException(message=f"Resource was not found: {arn}")

    def tag_resource(self) -> ActionResult:
        """Set tags."""
        self.asked_tags().update(self._get_param("tags"))
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """Remove tags."""
        tags = self.asked_tags()
        for key in self.querystring["tagKeys"]:
            tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """Return tags."""
        return ActionResult({"tags": self.asked_tags()})
