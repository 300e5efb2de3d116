"""Namespaces: what every namespace holds from the start, and its emptying at the end."""

from __future__ import annotations

from pathlib import Path

from .. import objects
from ..client import ApiError, Resource
from ..cluster import Cluster
from ..objects import Object


def reconcile(cluster: Cluster, namespace: Object) -> None:
    """Keep the default ServiceAccount and kube-root-ca.crt, or empty a terminating namespace."""
    if objects.terminating(namespace):
        if "kubernetes" in (namespace["spec"].get("finalizers") or []):
            finalize(cluster, namespace)
        return
    name = objects.name(namespace)
    if not cluster.get("ServiceAccount", name, "default"):
        cluster.create("ServiceAccount", {"metadata": {"name": "default", "namespace": name}})
    if not cluster.get("ConfigMap", name, "kube-root-ca.crt"):
        authority = cluster.client.configuration.ssl_ca_cert
        data = {"ca.crt": Path(authority).read_text() if authority else ""}
        metadata = {"name": "kube-root-ca.crt", "namespace": name}
        cluster.create("ConfigMap", {"metadata": metadata, "data": data})


def finalize(cluster: Cluster, namespace: Object) -> None:
    """Delete everything in the namespace, and give up the finalizer once it is empty."""
    name = objects.name(namespace)
    left = 0
    for resource in discover(cluster):
        path = resource.path(name)
        items = cluster.client.request("GET", path)["items"]
        left += len(items)
        for item in items:
            if not objects.terminating(item):
                cluster.client.request("DELETE", f"{path}/{objects.name(item)}")
    if left:
        cluster.wake(0.5)
        return
    body = {**namespace, "spec": {**namespace["spec"], "finalizers": []}}
    cluster.client.request("PUT", f"/api/v1/namespaces/{name}/finalize", body)


def discover(cluster: Cluster) -> list[Resource]:
    """The namespaced resources which can be listed and deleted, in every group."""
    groups = cluster.client.request("GET", "/apis")["groups"]
    versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
    found = []
    for version in versions:
        try:
            listing = cluster.client.request("GET", Resource(version, "").path())
        except ApiError as error:
            if error.status in (404, 503):
                continue
            raise
        found += [
            Resource(version, resource["name"])
            for resource in listing["resources"]
            if resource["namespaced"] and {"list", "delete"} <= set(resource["verbs"])
        ]
    return found
