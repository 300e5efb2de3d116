"""Endpoints and EndpointSlice of every Service with a selector, from its pods."""

from __future__ import annotations

import functools
import ipaddress

from .. import objects
from ..client import ApiError
from ..cluster import RESOURCES, Cluster
from ..objects import Object


def selected(cluster: Cluster, service: Object) -> list[Object]:
    """The pods with an address which the service selects."""
    wanted = service["spec"].get("selector") or {}
    return [
        pod
        for pod in cluster.select("Pod", objects.namespace(service))
        if wanted
        and objects.selector_matches({"matchLabels": wanted}, objects.labels_of(pod))
        and pod.get("status", {}).get("podIP")
        and not objects.finished(pod)
    ]


def receives(service: Object, pod: Object) -> bool:
    """Whether new connections go to the pod."""
    early = service["spec"].get("publishNotReadyAddresses", False)
    return early or (objects.ready(pod) and not objects.terminating(pod))


def target_port(port: Object, pod: Object) -> int | None:
    """The container port behind a service port, None when the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for candidate in container.get("ports") or []:
            if candidate.get("name") == target:
                return int(candidate["containerPort"])
    return None


def addresses(cluster: Cluster, service: Object, port_name: str) -> list[tuple[str, int]]:
    """The (address, port) pairs behind a service port which take new connections."""
    found = []
    for port in service["spec"].get("ports") or []:
        if port.get("name", "") != port_name:
            continue
        for pod in selected(cluster, service):
            number = target_port(port, pod)
            if number and receives(service, pod):
                found.append((str(pod["status"]["podIP"]), number))
    return found


def reconcile(cluster: Cluster, service: Object) -> None:
    """Write the service's Endpoints and EndpointSlice."""
    if not service["spec"].get("selector") or objects.terminating(service):
        return
    pods = [
        pod
        for pod in selected(cluster, service)
        if takes_loopback(cluster) or not ipaddress.ip_address(pod["status"]["podIP"]).is_loopback
    ]
    write_endpoints(cluster, service, pods)
    write_slice(cluster, service, pods)


@functools.cache
def takes_loopback(cluster: Cluster) -> bool:
    """Whether the API server lets endpoints have loopback addresses, which a real one refuses."""
    tried = {
        "metadata": {"generateName": "loopback-"},
        "subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 1}]}],
    }
    try:
        path = f"{RESOURCES['Endpoints'].path('default')}?dryRun=All"
        cluster.client.request("POST", path, tried)
    except ApiError as error:
        if error.status != 422:
            raise
        return False
    return True


def ports_of(service: Object, pods: list[Object]) -> list[Object]:
    """The ports of the service as its pods (which agree on them) have them."""
    return [
        {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
        for port in service["spec"].get("ports") or []
        if (number := next(filter(None, (target_port(port, pod) for pod in pods)), None))
    ]


def reference(pod: Object) -> Object:
    """A reference to the pod, as endpoints carry it."""
    return {
        "kind": "Pod",
        "name": objects.name(pod),
        "namespace": objects.namespace(pod),
        "uid": objects.uid(pod),
    }


def write_endpoints(cluster: Cluster, service: Object, pods: list[Object]) -> None:
    """Keep the Endpoints object, named as its service."""
    subset: Object = {}
    for pod in pods:
        field = "addresses" if receives(service, pod) else "notReadyAddresses"
        address = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": reference(pod),
        }
        subset.setdefault(field, []).append(address)
    if subset:
        ports = [{k: v for k, v in port.items() if v} for port in ports_of(service, pods)]
        subset["ports"] = ports
    wanted = {
        "metadata": {
            "name": objects.name(service),
            "namespace": objects.namespace(service),
            "labels": objects.labels_of(service),
        },
        "subsets": [subset] if subset else [],
    }
    known = cluster.get("Endpoints", objects.namespace(service), objects.name(service))
    if known is None:
        cluster.create("Endpoints", wanted)
    elif (known.get("subsets") or []) != wanted["subsets"]:
        cluster.patch("Endpoints", known, {"subsets": wanted["subsets"]})


def write_slice(cluster: Cluster, service: Object, pods: list[Object]) -> None:
    """Keep the service's EndpointSlice."""
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {
                "ready": receives(service, pod),
                "serving": objects.ready(pod),
                "terminating": objects.terminating(pod),
            },
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": reference(pod),
        }
        for pod in pods
    ]
    content = {"endpoints": endpoints, "ports": ports_of(service, pods)}
    known = next(iter(cluster.owned("EndpointSlice", service)), None)
    if known is None:
        metadata = {
            "generateName": f"{objects.name(service)}-",
            "namespace": objects.namespace(service),
            "labels": {
                **objects.labels_of(service),
                "kubernetes.io/service-name": objects.name(service),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [objects.owner_reference(service)],
        }
        cluster.create("EndpointSlice", {"metadata": metadata, "addressType": "IPv4", **content})
    elif any((known.get(field) or []) != content[field] for field in content):
        cluster.patch("EndpointSlice", known, content)
