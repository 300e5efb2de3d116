"""The nodes of the nodes file: registered, ready, and with GPUs once a device plugin runs there."""

from __future__ import annotations

import yaml
from kubernetes.utils.quantity import parse_quantity

from . import objects
from .client import ApiError
from .cluster import RESOURCES, Cluster
from .objects import Object

GPU = "nvidia.com/gpu"
SIMULATED = {"gpu-platform.mlops/simulated": "true"}
ADDRESS = "127.0.0.1"
VERSION = "v1.34.0+cluster-agent"


def register(cluster: Cluster, node: Object) -> None:
    """Create a node, or bring its labels and taints back to what the nodes file says."""
    name = node["name"]
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        **(node.get("labels") or {}),
    }
    metadata = {"name": name, "labels": labels, "annotations": SIMULATED}
    spec = {"taints": node.get("taints") or []}
    known = cluster.get("Node", "", name)
    try:
        if known is None:
            known = cluster.create("Node", {"metadata": metadata, "spec": spec})
    except ApiError as error:
        if error.status != 409:
            raise
        known = cluster.client.request("GET", RESOURCES["Node"].path("", name))
    # An API server taints a new node as not ready, for its controllers to take the taint off.
    cluster.patch("Node", known, {"metadata": {**metadata, "labels": labels}, "spec": spec})


def device_plugin(cluster: Cluster, name: str) -> Object | None:
    """The ready pod of a device plugin's DaemonSet on the node, or None."""
    for pod in cluster.select("Pod"):
        if (
            pod["spec"].get("nodeName") == name
            and (objects.controller(pod) or {}).get("kind") == "DaemonSet"
            and objects.ready(pod)
            and not objects.terminating(pod)
            and any(
                plugin in text
                for container in pod["spec"]["containers"]
                for text in (container["name"], container.get("image", ""))
                for plugin in ("k8s-device-plugin", "nvidia-device-plugin")
            )
        ):
            return pod
    return None


def time_slices(cluster: Cluster, plugin: Object) -> int:
    """How many pods share a GPU, as the configuration of the plugin's pod says."""
    for volume in plugin["spec"].get("volumes", []):
        source = volume.get("configMap", {}).get("name", "")
        config_map = cluster.get("ConfigMap", objects.namespace(plugin), source) or {}
        for text in (config_map.get("data") or {}).values():
            sharing = (yaml.safe_load(text) or {}).get("sharing", {})
            for resource in sharing.get("timeSlicing", {}).get("resources", []):
                if resource["name"] == GPU:
                    return int(resource["replicas"])
    return 1


def reconcile(cluster: Cluster, node: Object) -> None:
    """Report a node of the nodes file: its addresses, what it can allocate, that it is ready."""
    name = node["name"]
    known = cluster.get("Node", "", name)
    if known is None:
        register(cluster, node)
        known = cluster.get("Node", "", name)
    assert known is not None
    capacity = {"pods": "110", **(node.get("capacity") or {})}
    if GPU in capacity:
        plugin = device_plugin(cluster, name)
        slices = time_slices(cluster, plugin) if plugin else 0
        capacity[GPU] = str(int(capacity[GPU]) * slices)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "cluster-agent is posting ready status",
    }
    conditions = known.get("status", {}).get("conditions")
    if objects.condition(known, "Ready").get("status") != "True":
        beat = {"lastHeartbeatTime": objects.utcnow()}
        conditions = objects.with_condition(conditions, {**ready, **beat})
    status: Object = {
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": ADDRESS},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {
            "machineID": name,
            "systemUUID": name,
            "bootID": name,
            "kernelVersion": "none",
            "osImage": "simulated by cluster-agent",
            "containerRuntimeVersion": "process://",
            "kubeletVersion": VERSION,
            "kubeProxyVersion": VERSION,
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }
    current = known.get("status", {})
    for field in ("capacity", "allocatable"):
        amounts = current.get(field) or {}
        if {k: parse_quantity(v) for k, v in amounts.items()} != {
            k: parse_quantity(v) for k, v in capacity.items()
        }:
            status[field] = capacity
    cluster.update_status("Node", known, status)
