"""What the API server itself does to objects of certain kinds when they are written.

`on_create` and `on_update` set what clients may not set (status, allocated addresses, fields of
built-in admission plugins). They look at the store but never write to it.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from .errors import ApiError, FieldError, invalid
from .resources import Resource
from .storage.store import Store
from .validation.admission import complete_pod

Object = dict[str, Any]

SERVICE_NETWORK = ipaddress.ip_network("127.20.0.0/16")
NODE_PORTS = range(30000, 32768)
_KEEPS_STATUS_ON_CREATE = {("", "nodes")}
_NO_GENERATION = {
    "ConfigMap",
    "Endpoints",
    "Event",
    "HorizontalPodAutoscaler",
    "Namespace",
    "Node",
    "PersistentVolumeClaim",
    "Service",
    "ServiceAccount",
}


def has_status(resource: Resource) -> bool:
    """Return whether status is written through a subresource of its own."""
    return "status" in resource.subresources


def has_generation(resource: Resource, item: Object) -> bool:
    """Return whether metadata.generation counts the changes of this kind's spec."""
    if resource.is_custom:
        return True
    return resource.kind not in _NO_GENERATION and "spec" in item


def on_create(resource: Resource, item: Object, store: Store) -> Object:
    """Return a new object as the server completes it."""
    if has_status(resource) and resource.key not in _KEEPS_STATUS_ON_CREATE:
        item = {key: value for key, value in item.items() if key != "status"}
        if not resource.is_custom:
            item["status"] = _FIRST_STATUS.get(resource.kind, {})
    if has_generation(resource, item):
        item["metadata"]["generation"] = 1
    match resource.kind:
        case "Pod":
            return _new_pod(resource, item, store)
        case "Service":
            return _with_addresses(resource, item, None, store)
        case "Job" if not resource.is_custom:
            return _with_job_labels(item)
        case "CustomResourceDefinition":
            return _accepted_crd(item)
    return item


def on_update(resource: Resource, old: Object, new: Object, store: Store) -> Object:
    """Return the changed object as the server completes it."""
    match resource.kind:
        case "Service":
            return _with_addresses(resource, new, old, store)
        case "CustomResourceDefinition":
            return _accepted_crd(new)
    return new


_FIRST_STATUS: dict[str, Object] = {
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "DaemonSet": {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "Service": {"loadBalancer": {}},
    "HorizontalPodAutoscaler": {"currentMetrics": None, "desiredReplicas": 0},
    "PodDisruptionBudget": {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
}


# Pods -------------------------------------------------------------------------------------------


def _new_pod(resource: Resource, pod: Object, store: Store) -> Object:
    pod = complete_pod(resource, pod, store)
    return pod | {"status": {"phase": "Pending", "qosClass": _qos_class(pod["spec"])}}


def _qos_class(spec: Object) -> str:
    """Return Guaranteed, Burstable or BestEffort, from the CPU and memory of all containers."""
    guaranteed, any_set = True, False
    for container in spec["containers"] + spec.get("initContainers", []):
        resources = container.get("resources", {})
        for name in ("cpu", "memory"):
            request = resources.get("requests", {}).get(name)
            limit = resources.get("limits", {}).get(name)
            any_set = any_set or request is not None or limit is not None
            guaranteed = guaranteed and limit is not None and request == limit
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


# Services ---------------------------------------------------------------------------------------


def _with_addresses(
    resource: Resource, service: Object, old: Object | None, store: Store
) -> Object:
    """Return a Service with a cluster IP and with node ports, where its type has them."""
    spec = dict(service["spec"])
    was = (old or {}).get("spec", {})
    if spec["type"] == "ExternalName":
        gone = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
        return service | {"spec": {key: spec[key] for key in spec if key not in gone}}
    others = [item for item in store.objects(resource.key) if item is not old]
    address = spec.get("clusterIP") or was.get("clusterIP") or ""
    taken = {item["spec"].get("clusterIP") for item in others}
    if not address:
        address = _free_address(service["metadata"]["uid"], taken)
    elif address != "None" and address != was.get("clusterIP"):
        _check_address(resource, service, address, taken)
    spec |= {"clusterIP": address, "clusterIPs": [address]}
    spec = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"} | spec
    if spec["type"] in ("NodePort", "LoadBalancer"):
        used = {p.get("nodePort") for item in others for p in item["spec"].get("ports", [])}
        before = {p["port"]: p.get("nodePort") for p in was.get("ports", [])}
        ports = []
        for port in spec.get("ports", []):
            number = port.get("nodePort") or before.get(port["port"])
            number = number or next(free for free in NODE_PORTS if free not in used)
            used.add(number)
            ports.append(port | {"nodePort": number})
        spec["ports"] = ports
    elif old and was.get("type") in ("NodePort", "LoadBalancer"):
        spec.pop("externalTrafficPolicy", None)
        spec.pop("allocateLoadBalancerNodePorts", None)
        spec["ports"] = [{k: p[k] for k in p if k != "nodePort"} for p in spec.get("ports", [])]
    return service | {"spec": spec}


def _free_address(uid: str, taken: set[str | None]) -> str:
    """Return a free address, at a place that the uid decides, so that few are used again soon."""
    size = SERVICE_NETWORK.num_addresses
    start = int(uid.replace("-", ""), 16)
    for step in range(size):
        address = str(SERVICE_NETWORK[(start + step) % (size - 258) + 257])
        if address not in taken:
            return address
    raise ApiError(500, "InternalError", "failed to allocate a serviceIP: range is full")


def _check_address(
    resource: Resource, service: Object, address: str, taken: set[str | None]
) -> None:
    problem = ""
    try:
        if ipaddress.ip_address(address) not in SERVICE_NETWORK:
            problem = (
                f"the provided IP ({address}) is not in the valid range. "
                f"The range of valid IPs is {SERVICE_NETWORK}"
            )
    except ValueError:
        problem = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    if address in taken:
        problem = "failed to allocate IP " + address + ": provided IP is already allocated"
    if problem:
        error = FieldError.invalid("spec.clusterIPs", [address], problem)
        raise invalid(resource, service["metadata"]["name"], [error])


# Jobs and CustomResourceDefinitions -------------------------------------------------------------


def _with_job_labels(job: Object) -> Object:
    """Return a Job whose pods carry its uid and name, and whose selector selects that uid."""
    if job["spec"].get("manualSelector"):
        return job
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    template = job["spec"]["template"]
    meta = template.get("metadata", {})
    labels = meta.get("labels", {}) | {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    template = template | {"metadata": meta | {"labels": labels}}
    return job | {"spec": job["spec"] | {"selector": selector, "template": template}}


def _accepted_crd(crd: Object) -> Object:
    """Return a CRD whose names are accepted and which is established (nothing can refuse it)."""
    spec = crd["spec"]
    kind = spec["names"]["kind"]
    names = {"singular": kind.lower(), "listKind": f"{kind}List"} | spec["names"]
    spec = {"conversion": {"strategy": "None"}} | spec | {"names": names}
    status = crd.get("status", {})
    since = crd["metadata"]["creationTimestamp"]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    conditions = [
        {
            "type": kind,
            "status": "True",
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    known = status.get("storedVersions") or []
    status = {
        "conditions": status.get("conditions") or conditions,
        "acceptedNames": names,
        "storedVersions": known + [name for name in stored if name not in known],
    }
    return crd | {"spec": spec, "status": status}


# Scale ------------------------------------------------------------------------------------------


def to_scale(resource: Resource, item: Object) -> Object:
    """Return the autoscaling/v1 Scale of an object."""
    paths = _scale_paths(resource)
    selector = item.get("spec", {}).get("selector")
    if resource.is_custom:
        text = _at(item, paths.get("labelSelectorPath", "")) or ""
    else:
        text = selector_text(selector or {})
    meta = item["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": _at(item, paths["specReplicasPath"]) or 0},
        "status": {
            "replicas": _at(item, paths["statusReplicasPath"]) or 0,
            **({"selector": text} if text else {}),
        },
    }


def with_replicas(resource: Resource, item: Object, replicas: int) -> Object:
    """Return an object with the replicas of a Scale."""
    words = _scale_paths(resource)["specReplicasPath"].lstrip(".").split(".")

    def put(node: Object, rest: list[str]) -> Object:
        value = put(node.get(rest[0], {}), rest[1:]) if len(rest) > 1 else replicas
        return node | {rest[0]: value}

    return put(item, words)


def _scale_paths(resource: Resource) -> dict[str, str]:
    if resource.crd_version:
        return resource.crd_version["subresources"]["scale"]
    return {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


def _at(item: Any, path: str) -> Any:
    for word in filter(None, path.split(".")):
        item = item.get(word) if isinstance(item, dict) else None
    return item if path else None


def selector_text(selector: Object) -> str:
    """Return a LabelSelector as text, in the syntax of the query parameter labelSelector."""
    terms = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for term in selector.get("matchExpressions", []):
        values = ",".join(sorted(term.get("values", [])))
        key = term["key"]
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[term["operator"]]
        )
    return ",".join(terms)
