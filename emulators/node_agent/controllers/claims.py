"""PersistentVolumeClaims: every claim is bound at once, to a directory of the node agent."""

from __future__ import annotations

from .. import objects
from ..cluster import Cluster
from ..objects import Object


def reconcile(cluster: Cluster, claim: Object) -> None:
    """Report the claim as bound, and let it go when it is deleted."""
    if objects.terminating(claim):
        if claim["metadata"].get("finalizers"):
            cluster.patch("PersistentVolumeClaim", claim, {"metadata": {"finalizers": None}})
        return
    status = {
        "phase": "Bound",
        "accessModes": claim["spec"].get("accessModes"),
        "capacity": (claim["spec"].get("resources") or {}).get("requests"),
    }
    cluster.update_status("PersistentVolumeClaim", claim, status)
