"""What kube-controller-manager does, one module per controller.

A reconciler is called with the cluster and one object in every pass, and writes what differs.
"""

from __future__ import annotations

from collections.abc import Callable

from ..cluster import Cluster
from ..objects import Object
from . import (
    claims,
    daemonset,
    deployment,
    endpoints,
    garbage,
    job,
    namespaces,
    replicaset,
    statefulset,
)

Reconciler = Callable[[Cluster, Object], None]

RECONCILERS: list[tuple[str, Reconciler]] = [
    ("Namespace", namespaces.reconcile),
    ("Deployment", deployment.reconcile),
    ("ReplicaSet", replicaset.reconcile),
    ("StatefulSet", statefulset.reconcile),
    ("DaemonSet", daemonset.reconcile),
    ("Job", job.reconcile),
    ("PersistentVolumeClaim", claims.reconcile),
    ("Service", endpoints.reconcile),
    *((kind, garbage.reconcile) for kind in garbage.COLLECTED),
]
