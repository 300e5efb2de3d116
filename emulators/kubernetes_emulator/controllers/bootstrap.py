"""The objects that every cluster has from its first moment."""

from __future__ import annotations

from ..api import Api, Options
from ..kinds import SERVICE_NETWORK
from ..resources import Resource

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_PRIORITIES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}


def create_all(api: Api, address: str, port: int) -> None:
    """Create the system namespaces, the Service `kubernetes`, priorities and cluster-admin."""
    options = Options(manager="kube-apiserver")

    def resource(group: str, version: str, plural: str) -> Resource:
        found = api.registry.find(group, version, plural)
        if found is None:
            raise LookupError(f"{plural}.{group} is not served")
        return found

    for name in NAMESPACES:
        api.create(resource("", "v1", "namespaces"), "", {"metadata": {"name": name}}, options)
    meta = {
        "name": "kubernetes",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    }
    named = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}
    spec = {"type": "ClusterIP", "clusterIP": str(SERVICE_NETWORK[1]), "ports": [named]}
    api.create(resource("", "v1", "services"), "default", {"metadata": meta, "spec": spec}, options)
    backend = {"name": "https", "port": port, "protocol": "TCP"}
    subsets = [{"addresses": [{"ip": address}], "ports": [backend]}]
    endpoints = {"metadata": {"name": "kubernetes"}, "subsets": subsets}
    api.create(resource("", "v1", "endpoints"), "default", endpoints, options)
    labels = {"kubernetes.io/service-name": "kubernetes"}
    endpoint_slice = {
        "metadata": {"name": "kubernetes", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [backend],
    }
    slices = resource("discovery.k8s.io", "v1", "endpointslices")
    api.create(slices, "default", endpoint_slice, options)
    for name, value in _PRIORITIES.items():
        body = {"metadata": {"name": name}, "value": value}
        api.create(resource("scheduling.k8s.io", "v1", "priorityclasses"), "", body, options)
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    role = {"metadata": {"name": "cluster-admin"}, "rules": rules}
    api.create(resource(rbac, "v1", "clusterroles"), "", role, options)
    binding = {
        "metadata": {"name": "cluster-admin"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "system:masters"}],
    }
    api.create(resource(rbac, "v1", "clusterrolebindings"), "", binding, options)
