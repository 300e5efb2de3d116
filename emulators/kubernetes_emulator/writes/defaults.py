"""Defaults of the built-in kinds, as the API conventions document them field by field.

`DEFAULTS` is keyed by the name of the definition (`PodSpec`); a walk over an object along its
schema sets them wherever that definition occurs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import schema
from ..schema import Schema

Object = dict[str, Any]

DEFAULTS: dict[str, Object] = {
    "PodSpec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
    },
    "Container": {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "resources": {},
    },
    "ContainerPort": {"protocol": "TCP"},
    "Probe": {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "GRPCAction": {"service": ""},
    "ObjectFieldSelector": {"apiVersion": "v1"},
    "ConfigMapVolumeSource": {"defaultMode": 420},
    "SecretVolumeSource": {"defaultMode": 420},
    "ProjectedVolumeSource": {"defaultMode": 420},
    "DownwardAPIVolumeSource": {"defaultMode": 420},
    "ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    "HostPathVolumeSource": {"type": ""},
    "DeploymentSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate"},
    },
    "RollingUpdateDeployment": {"maxSurge": "25%", "maxUnavailable": "25%"},
    "ReplicaSetSpec": {"replicas": 1},
    "StatefulSetSpec": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    },
    "RollingUpdateStatefulSetStrategy": {"partition": 0},
    "DaemonSetSpec": {"revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"}},
    "RollingUpdateDaemonSet": {"maxSurge": 0, "maxUnavailable": 1},
    "JobSpec": {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        "manualSelector": False,
    },
    "ServiceSpec": {"type": "ClusterIP", "sessionAffinity": "None"},
    "ServicePort": {"protocol": "TCP"},
    "EndpointPort": {"protocol": "TCP"},
    "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "HorizontalPodAutoscalerSpec": {"minReplicas": 1},
    "RoleRef": {"apiGroup": "rbac.authorization.k8s.io"},
    "PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "NetworkPolicyPort": {"protocol": "TCP"},
    "Secret": {"type": "Opaque"},
}


def set_defaults(value: Any, node: Schema) -> Any:
    """Return an object with the defaults of every definition (or custom schema) in it."""
    name = schema.struct_name(node)
    node = schema.resolve(node)
    name = name or schema.struct_name({"$ref": _own_name(node)})
    if isinstance(value, list):
        return [set_defaults(item, node.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    result = dict(value)
    for key, default in DEFAULTS.get(name, {}).items():
        result.setdefault(key, default)
    for key, child in node.get("properties", {}).items():
        if key not in result and "default" in child:
            result[key] = child["default"]
    if name and "x-kubernetes-group-version-kind" in node:
        # Go always writes these two, even empty.
        result |= {
            key: {} for key in ("spec", "status") if key in node["properties"].keys() - result
        }
    if name in _COMPUTED:
        _COMPUTED[name](result)
    return {key: set_defaults(item, schema.field(node, key) or {}) for key, item in result.items()}


def _own_name(node: Schema) -> str:
    for kind in node.get("x-kubernetes-group-version-kind", [])[:1]:
        return schema.name_of(kind["group"], kind["version"], kind["kind"])
    return ""


# Defaults that depend on other fields -----------------------------------------------------------


def _container(item: Object) -> None:
    _, _, tag = item.get("image", "").rpartition("/")[2].partition(":")
    newest = "@" not in item.get("image", "") and tag in ("", "latest")
    item.setdefault("imagePullPolicy", "Always" if newest else "IfNotPresent")
    if limits := item.get("resources", {}).get("limits"):
        requests = limits | item["resources"].get("requests", {})
        item["resources"] = item["resources"] | {"requests": requests}


def _pod_spec(item: Object) -> None:
    if account := item.get("serviceAccountName") or item.get("serviceAccount"):
        item["serviceAccountName"] = item["serviceAccount"] = account
    if item.get("hostNetwork"):
        containers = item.get("containers", []) + item.get("initContainers", [])
        for port in (port for entry in containers for port in entry.get("ports", [])):
            port.setdefault("hostPort", port.get("containerPort"))


def _volume(item: Object) -> None:
    if set(item) == {"name"}:
        item["emptyDir"] = {}


def _deployment(item: Object) -> None:
    if item["strategy"].get("type", "RollingUpdate") == "RollingUpdate":
        rolling = item["strategy"].get("rollingUpdate") or {}
        item["strategy"] = {"type": "RollingUpdate"} | item["strategy"] | {"rollingUpdate": rolling}


def _rolling(item: Object) -> None:
    if item["updateStrategy"].get("type", "RollingUpdate") == "RollingUpdate":
        rolling = item["updateStrategy"].get("rollingUpdate") or {}
        item["updateStrategy"] = {
            "type": "RollingUpdate",
            **item["updateStrategy"],
            "rollingUpdate": rolling,
        }


def _job(item: Object) -> None:
    if "completions" not in item and "parallelism" not in item:
        item["completions"] = 1
    item.setdefault("parallelism", 1)


def _service(item: Object) -> None:
    if item["type"] != "ExternalName":
        item.setdefault("internalTrafficPolicy", "Cluster")
    if item["type"] in ("NodePort", "LoadBalancer"):
        item.setdefault("externalTrafficPolicy", "Cluster")
    if item["type"] == "LoadBalancer":
        item.setdefault("allocateLoadBalancerNodePorts", True)
    if item["sessionAffinity"] == "ClientIP":
        item.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    if ports := item.get("ports"):
        item["ports"] = [{"targetPort": port.get("port")} | port for port in ports]


def _secret(item: Object) -> None:
    from base64 import b64encode

    if text := item.pop("stringData", None):
        coded = {key: b64encode(value.encode()).decode() for key, value in text.items()}
        item["data"] = (item.get("data") or {}) | coded


def _network_policy(item: Object) -> None:
    item.setdefault("podSelector", {})
    item.setdefault("policyTypes", ["Ingress"] + (["Egress"] if item.get("egress") else []))


def _autoscaler(item: Object) -> None:
    usage = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    item.setdefault("metrics", [{"type": "Resource", "resource": usage}])


def _subject(item: Object) -> None:
    if item.get("kind") in ("User", "Group") and "name" in item:
        item.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _namespace(item: Object) -> None:
    labels = item["metadata"].get("labels") or {}
    named = labels | {"kubernetes.io/metadata.name": item["metadata"].get("name", "")}
    item["metadata"] = item["metadata"] | {"labels": named}
    item["spec"] = {"finalizers": ["kubernetes"]} | item.get("spec", {})


_COMPUTED: dict[str, Callable[[Object], None]] = {
    "Container": _container,
    "PodSpec": _pod_spec,
    "Volume": _volume,
    "DeploymentSpec": _deployment,
    "StatefulSetSpec": _rolling,
    "DaemonSetSpec": _rolling,
    "JobSpec": _job,
    "ServiceSpec": _service,
    "Secret": _secret,
    "NetworkPolicySpec": _network_policy,
    "HorizontalPodAutoscalerSpec": _autoscaler,
    "Subject": _subject,
    "Namespace": _namespace,
}
