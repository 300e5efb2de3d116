"""Built-in admission plugins: NamespaceLifecycle, ServiceAccount, Priority,
DefaultTolerationSeconds and PodSecurity."""

from __future__ import annotations

from typing import Any

from ..errors import ApiError, forbidden
from ..resources import Resource
from ..storage.store import Store
from . import pod_security

Object = dict[str, Any]

NAMESPACES = ("", "namespaces")
_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
# Where the pod spec is in the kinds that make pods.
_TEMPLATES = dict.fromkeys(
    ("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"), ("spec", "template", "spec")
)


def check_namespace(resource: Resource, namespace: str, name: str, store: Store) -> None:
    """Refuse a new object in a namespace that is absent (404) or being deleted (403)."""
    if not resource.namespaced:
        return
    found = store.get(NAMESPACES, "", namespace)
    if found is None:
        details = {"name": namespace, "kind": "namespaces"}
        raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found', details)
    if "deletionTimestamp" in found["metadata"]:
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        message = (
            f"unable to create new content in namespace {namespace} because it is being terminated"
        )
        raise forbidden(resource, name, message, [cause])


def complete_pod(resource: Resource, pod: Object, store: Store) -> Object:
    """Return a new pod with its service account, priority and default tolerations."""
    spec = dict(pod["spec"])
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    account = spec.get("serviceAccountName") or "default"
    if not store.get(("", "serviceaccounts"), namespace, account):
        message = (
            f"error looking up service account {namespace}/{account}: "
            f'serviceaccount "{account}" not found'
        )
        raise forbidden(resource, name, message)
    spec |= {"serviceAccountName": account, "serviceAccount": account}
    spec |= _priority(resource, name, spec, store)
    spec.setdefault("enableServiceLinks", True)
    tolerations = list(spec.get("tolerations", []))
    for key in _UNREACHABLE:
        if not any(
            entry.get("key", key) == key and entry.get("effect", "NoExecute") == "NoExecute"
            for entry in tolerations
        ):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
            )
    return pod | {"spec": spec | {"tolerations": tolerations}}


def _priority(resource: Resource, name: str, spec: Object, store: Store) -> Object:
    wanted = spec.get("priorityClassName")
    classes = store.objects(("scheduling.k8s.io", "priorityclasses"))
    if wanted:
        found = next((c for c in classes if c["metadata"]["name"] == wanted), None)
        if not found:
            raise forbidden(resource, name, f"no PriorityClass with name {wanted} was found")
    else:
        found = next((c for c in classes if c.get("globalDefault")), None)
    if not found:
        return {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}
    return {
        "priorityClassName": found["metadata"]["name"],
        "priority": found["value"],
        "preemptionPolicy": found.get("preemptionPolicy", "PreemptLowerPriority"),
    }


def check_pod_security(resource: Resource, item: Object, store: Store) -> list[str]:
    """Refuse a pod (403) that its namespace does not allow; return warnings of its templates."""
    path = ("spec",) if resource.key == ("", "pods") else _TEMPLATES.get(resource.kind, ())
    if not path or resource.is_custom:
        return []
    spec = item
    for word in path:
        spec = spec.get(word, {})
    namespace = store.get(NAMESPACES, "", item["metadata"]["namespace"])
    if namespace is None:
        return []
    refused = pod_security.violations(spec, namespace, "enforce")
    if refused and resource.kind == "Pod":
        raise forbidden(resource, item["metadata"]["name"], f"violates {refused}")
    found = pod_security.violations(spec, namespace, "warn")
    return [f"would violate {found}"] if found else []
