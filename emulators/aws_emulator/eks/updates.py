"""The updates of clusters, node groups and add-ons of the emulated EKS."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.eks.exceptions import ResourceNotFoundException

from .call import EKSCall

PATHS = (
    "{0}/clusters/(?P<name>[^/]+)/updates$",  # UpdateClusterVersion
    "{0}/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$",
)
TARGETS = ("nodegroupName", "addonName")


class UpdateCalls(EKSCall):
    """The call that looks at an update of what it names, and of nothing below it."""

    def asked_target(self) -> dict[str, str]:
        """Return what names the node group or the add-on; for a cluster that is nothing."""
        return {name: self._get_param(name) for name in TARGETS if self._get_param(name)}

    def describe_update(self) -> ActionResult:
        """Return an update."""
        update = self.named_cluster().updates.get(self._get_param("updateId"))
        if not update or update["target"] != self.asked_target():
            raise ResourceNotFoundException(message="No update found for the given ID")
        return ActionResult({"update": update})
