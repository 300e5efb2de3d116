"""The subresources of pods: binding, eviction, log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .api import Api, Options, timestamp
from .errors import ApiError, bad_request, conflict
from .resources import Resource
from .storage.selectors import matches, number
from .writes.deletion import DeleteOptions

Object = dict[str, Any]

_BUDGETS = ("policy", "poddisruptionbudgets")
_FOLLOW_SECONDS = 0.5
_SUCCESS: Object = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}


def bind(
    api: Api, resource: Resource, namespace: str, name: str, body: Object, options: Options
) -> Object:
    """Assign a pod to a node, once; return a Status."""
    node = (body.get("target") or {}).get("name")
    if not node:
        raise bad_request("target.name is required")

    def bound(pod: Object) -> Object:
        if "deletionTimestamp" in pod["metadata"]:
            message = f"pod {name} is being deleted, cannot be assigned to a host"
            raise conflict(resource, name, message)
        if assigned := pod["spec"].get("nodeName"):
            message = f'pod {name} is already assigned to node "{assigned}"'
            raise conflict(resource, name, message)
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": timestamp(),
        }
        conditions = pod["status"].get("conditions", [])
        others = [entry for entry in conditions if entry["type"] != "PodScheduled"]
        status = pod["status"] | {"conditions": [*others, scheduled]}
        return pod | {"spec": pod["spec"] | {"nodeName": node}, "status": status}

    api.update(resource, namespace, name, bound, options, "binding")
    return _SUCCESS


def evict(api: Api, resource: Resource, namespace: str, name: str, body: Object) -> Object:
    """Delete a pod unless a PodDisruptionBudget forbids it now (429); return a Status."""
    options = DeleteOptions.parse(body.get("deleteOptions") or {}, {})
    with api.store.lock:
        pod = api.get(resource, namespace, name)
        labels = pod["metadata"].get("labels") or {}
        running = pod["status"].get("phase") not in ("Pending", "Succeeded", "Failed")
        if running and "deletionTimestamp" not in pod["metadata"]:
            for budget in api.store.objects(_BUDGETS, namespace):
                if matches(budget["spec"].get("selector"), labels):
                    spent = _spent(budget, name)
                    if not options.dry_run:
                        api.store.put(_BUDGETS, spent)
        api.delete(resource, namespace, name, options)
    return _SUCCESS


def _spent(budget: Object, pod: str) -> Object:
    """Return a budget with one allowed disruption fewer; 429 when it has none."""
    status, name = budget["status"], budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        why = f"The disruption budget {name} is still being processed by the server."
    elif status["disruptionsAllowed"] < 1:
        why = (
            f"The disruption budget {name} needs {status['desiredHealthy']} healthy pods "
            f"and has {status['currentHealthy']} currently"
        )
    else:
        disrupted = status.get("disruptedPods", {}) | {pod: timestamp()}
        allowed = status["disruptionsAllowed"] - 1
        changed = {"disruptionsAllowed": allowed, "disruptedPods": disrupted}
        return budget | {"status": status | changed}
    raise ApiError(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        {"causes": [{"reason": "DisruptionBudget", "message": why}]},
    )


def log(
    api: Api, resource: Resource, namespace: str, name: str, query: dict[str, str], folder: Path
) -> Iterator[bytes]:
    """Return the log of a container in pieces; with `follow`, until the container ends."""
    spec = api.get(resource, namespace, name)["spec"]
    names = [container["name"] for container in spec["containers"]]
    container = query.get("container") or (names[0] if len(names) == 1 else "")
    if not container:
        choice = " ".join(names)
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{choice}]"
        )
    if container not in names + [entry["name"] for entry in spec.get("initContainers", [])]:
        raise bad_request(f"container {container} is not valid for pod {name}")
    path = folder / f"{namespace}_{name}_{container}.log"
    if not path.is_file():
        raise bad_request(
            f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
        )

    def is_running() -> bool:
        pod = api.store.get(resource.key, namespace, name) or {}
        states = pod.get("status", {}).get("containerStatuses", [])
        return any(s["name"] == container and "running" in s.get("state", {}) for s in states)

    return _pieces(path, query, is_running)


def _pieces(path: Path, query: dict[str, str], is_running: Any) -> Iterator[bytes]:
    with path.open("rb") as file:
        lines = file.readlines()
        if "tailLines" in query:
            lines = lines[max(0, len(lines) - number(query, "tailLines")) :]
        yield b"".join(lines)
        while query.get("follow") == "true" and is_running():
            time.sleep(_FOLLOW_SECONDS)
            yield file.read()
