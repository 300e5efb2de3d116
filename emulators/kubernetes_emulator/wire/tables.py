"""Answers as a `Table`, which is what `kubectl get` prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..kinds import selector_text
from ..resources import Resource

Object = dict[str, Any]

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]|\[\?\(@\.([\w.]+)\s*==\s*[\"']([^\"']*)[\"']\)\]")


def table(resource: Resource, items: list[Object], include: str) -> Object:
    """Return the Table of some objects, each with `include`: None, Metadata or Object of it."""
    if resource.crd_version:
        names, cells = _custom_columns(resource.crd_version)
    else:
        names, cells = _COLUMNS.get(resource.kind, ("Name, Created At", _name_and_time))
    columns = [
        {
            "name": name.lstrip("+"),
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": int(name.startswith("+")),
        }
        for name in names.split(", ")
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": [{"cells": cells(item)} | _row_object(item, include) for item in items],
    }


def _row_object(item: Object, include: str) -> Object:
    if include == "None":
        return {}
    return {"object": item if include == "Object" else metadata_only(item)}


def metadata_only(item: Object) -> Object:
    """Return the PartialObjectMetadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": item["metadata"],
    }


def duration(seconds: float) -> str:
    """Return a duration as kubectl shows it: `45s`, `2m5s`, `3h10m`, `4d2h`, `200d`."""
    seconds = max(int(seconds), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400

    def two(first: int, unit: str, second: int, smaller: str) -> str:
        return f"{first}{unit}" + (f"{second}{smaller}" if second else "")

    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return two(days, "d", hours % 24, "h")
    return f"{days}d" if days < 730 else two(days // 365, "y", days % 365, "d")


def _age(stamp: str | None) -> str:
    if not stamp:
        return "<unknown>"
    return duration((datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds())


def _name(item: Object) -> str:
    return item["metadata"]["name"]


def _created(item: Object) -> str:
    return _age(item["metadata"].get("creationTimestamp"))


def _name_and_time(item: Object) -> list[Any]:
    return [_name(item), item["metadata"].get("creationTimestamp", "")]


def _path(item: Any, *words: str, default: Any = None) -> Any:
    for word in words:
        item = item.get(word) if isinstance(item, dict) else None
    return default if item is None else item


def _images(spec: Object) -> list[str]:
    """Return the cells Containers and Images of a pod spec."""
    containers = spec.get("containers", [])
    return [",".join(c["name"] for c in containers), ",".join(c["image"] for c in containers)]


def _workload_tail(item: Object) -> list[str]:
    selector = selector_text(_path(item, "spec", "selector", default={})) or "<none>"
    return [*_images(item["spec"].get("template", {}).get("spec", {})), selector]


# Pods -------------------------------------------------------------------------------------------


def _pod(pod: Object) -> list[Any]:
    spec, status = pod["spec"], pod.get("status", {})
    states = status.get("containerStatuses", [])
    ready = sum(bool(state.get("ready")) for state in states)
    restarts = sum(state.get("restartCount", 0) for state in states)
    ended = [_path(state, "lastState", "terminated", "finishedAt") for state in states]
    last = max(filter(None, ended), default="")
    return [
        _name(pod),
        f"{ready}/{len(spec['containers'])}",
        _pod_status(pod),
        f"{restarts} ({_age(last)} ago)" if restarts and last else str(restarts),
        _created(pod),
        status.get("podIP", "<none>"),
        spec.get("nodeName", "<none>"),
        status.get("nominatedNodeName", "<none>"),
        "<none>",
    ]


def _pod_status(pod: Object) -> str:
    """Return the one word that describes a pod: a container's reason, or the phase."""
    status = pod.get("status", {})
    word = status.get("reason") or status.get("phase", "Unknown")
    if any(c.get("reason") == "SchedulingGated" for c in status.get("conditions", [])):
        word = "SchedulingGated"
    total = len(pod["spec"].get("initContainers", []))
    for index, state in enumerate(status.get("initContainerStatuses", [])):
        terminated = _path(state, "state", "terminated")
        if (terminated and not terminated.get("exitCode")) or state.get("started"):
            continue
        if terminated:
            return "Init:" + (terminated.get("reason") or f"ExitCode:{terminated['exitCode']}")
        waiting = _path(state, "state", "waiting", "reason", default="PodInitializing")
        return f"Init:{index}/{total}" if waiting == "PodInitializing" else f"Init:{waiting}"
    running = False
    for state in reversed(status.get("containerStatuses", [])):
        waiting, ended = _path(state, "state", "waiting"), _path(state, "state", "terminated")
        if waiting and waiting.get("reason"):
            word = waiting["reason"]
        elif ended:
            word = ended.get("reason") or f"ExitCode:{ended.get('exitCode')}"
        elif state.get("ready") and _path(state, "state", "running") is not None:
            running = True
    if word == "Completed" and running:
        word = "Running"
    return "Terminating" if "deletionTimestamp" in pod["metadata"] else word


# Workloads --------------------------------------------------------------------------------------


def _count(item: Object, name: str) -> int:
    return _path(item, "status", name, default=0)


def _deployment(item: Object) -> list[Any]:
    ready = f"{_count(item, 'readyReplicas')}/{item['spec'].get('replicas', 0)}"
    counts = [_count(item, "updatedReplicas"), _count(item, "availableReplicas")]
    return [_name(item), ready, *counts, _created(item), *_workload_tail(item)]


def _replica_set(item: Object) -> list[Any]:
    counts = [
        item["spec"].get("replicas", 0),
        _count(item, "replicas"),
        _count(item, "readyReplicas"),
    ]
    return [_name(item), *counts, _created(item), *_workload_tail(item)]


def _stateful_set(item: Object) -> list[Any]:
    ready = f"{_count(item, 'readyReplicas')}/{item['spec'].get('replicas', 0)}"
    return [_name(item), ready, _created(item), *_workload_tail(item)[:2]]


def _daemon_set(item: Object) -> list[Any]:
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    nodes = _path(item, "spec", "template", "spec", "nodeSelector", default={})
    selector = ",".join(f"{key}={value}" for key, value in sorted(nodes.items())) or "<none>"
    counts = [_count(item, name) for name in fields]
    return [_name(item), *counts, selector, _created(item), *_workload_tail(item)]


def _job(item: Object) -> list[Any]:
    status = item.get("status", {})
    wanted = item["spec"].get("completions", item["spec"].get("parallelism", 1))
    state = "Running"
    for condition in status.get("conditions", []):
        if condition.get("status") == "True" and condition["type"] in ("Complete", "Failed"):
            state = condition["type"]
    took = ""
    if started := status.get("startTime"):
        end = status.get("completionTime")
        until = datetime.fromisoformat(end) if end else datetime.now(UTC)
        took = duration((until - datetime.fromisoformat(started)).total_seconds())
    done = f"{status.get('succeeded', 0)}/{wanted}"
    return [_name(item), state, done, took, _created(item), *_workload_tail(item)]


def _source(metric: Object) -> Object:
    """Return the part of an HPA metric (or of its status) that is named by its type."""
    return next((value for key, value in metric.items() if key != "type"), {})


def _target(metric: Object, status: Object) -> str:
    """Return one metric of an HPA as `<now>/<wanted>`."""
    source = _source(metric)
    target, now = source.get("target", {}), _source(status).get("current", {})
    if "averageUtilization" in target:
        seen = f"{now['averageUtilization']}%" if "averageUtilization" in now else "<unknown>"
        wanted = f"{target['averageUtilization']}%"
    else:
        seen = now.get("averageValue") or now.get("value") or "<unknown>"
        wanted = target.get("averageValue") or target.get("value", "")
    name = f"{source['name']}: " if metric["type"] == "Resource" else ""
    return f"{name}{seen}/{wanted}" + (" (avg)" if "averageValue" in target else "")


def _autoscaler(item: Object) -> list[Any]:
    spec, status = item["spec"], item.get("status", {})
    metrics = spec.get("metrics", [])
    current = [*(status.get("currentMetrics") or []), *({} for _ in metrics)]
    goal = spec["scaleTargetRef"]
    return [
        _name(item),
        f"{goal['kind']}/{goal['name']}",
        ", ".join(map(_target, metrics, current)) or "<none>",
        spec.get("minReplicas", "<unset>"),
        spec["maxReplicas"],
        status.get("currentReplicas", 0),
        _created(item),
    ]


def _budget(item: Object) -> list[Any]:
    spec = item["spec"]
    limits = [spec.get("minAvailable", "N/A"), spec.get("maxUnavailable", "N/A")]
    return [_name(item), *limits, _count(item, "disruptionsAllowed"), _created(item)]


# Network ----------------------------------------------------------------------------------------


def _service(item: Object) -> list[Any]:
    spec = item["spec"]
    outside = [
        entry.get("ip") or entry.get("hostname", "")
        for entry in _path(item, "status", "loadBalancer", "ingress", default=[])
    ] + spec.get("externalIPs", [])
    pending = "<pending>" if spec["type"] == "LoadBalancer" else "<none>"
    external = spec.get("externalName") or ",".join(outside) or pending
    ports = ",".join(
        f"{port['port']}:{port['nodePort']}/{port['protocol']}"
        if port.get("nodePort")
        else f"{port['port']}/{port['protocol']}"
        for port in spec.get("ports", [])
    )
    selector = selector_text({"matchLabels": spec.get("selector") or {}}) or "<none>"
    address = spec.get("clusterIP", "<none>")
    return [
        _name(item),
        spec["type"],
        address,
        external,
        ports or "<none>",
        _created(item),
        selector,
    ]


def _endpoints(item: Object) -> list[Any]:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in item.get("subsets", [])
        for port in subset.get("ports", [])
        for address in subset.get("addresses", [])
    ]
    return [_name(item), _listed(pairs), _created(item)]


def _listed(words: list[str], none: str = "<none>") -> str:
    """Return at most three words and how many more there are."""
    more = f" + {len(words) - 3} more..." if len(words) > 3 else ""
    return (",".join(words[:3]) + more) or none


# Cluster ----------------------------------------------------------------------------------------


def _node(item: Object) -> list[Any]:
    status = item.get("status", {})
    ready = [c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"]
    words = ["Ready" if ready == ["True"] else "NotReady" if ready else "Unknown"]
    words += ["SchedulingDisabled"] if item["spec"].get("unschedulable") else []
    prefix = "node-role.kubernetes.io/"
    labels = item["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    addresses = {entry["type"]: entry["address"] for entry in status.get("addresses", [])}
    info = status.get("nodeInfo", {})
    return [
        _name(item),
        ",".join(words),
        ",".join(roles) or "<none>",
        _created(item),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _event(item: Object) -> list[Any]:
    last = item.get("lastTimestamp") or item.get("eventTime") or item.get("firstTimestamp")
    first = item.get("firstTimestamp") or item.get("eventTime")
    target = item["involvedObject"]
    source = item.get("source", {})
    component = source.get("component") or item.get("reportingComponent", "")
    return [
        _age(last),
        item.get("type", ""),
        item.get("reason", ""),
        f"{target.get('kind', '').lower()}/{target.get('name', '')}",
        target.get("fieldPath", ""),
        ", ".join(filter(None, (component, source.get("host")))),
        item.get("message", "").strip(),
        _age(first),
        item.get("count", 1),
        _name(item),
    ]


def _simple(*paths: str, default: Any = "") -> Callable[[Object], list[Any]]:
    """Return the cells of a kind: its name, then the values at some paths, then its age."""

    def cells(item: Object) -> list[Any]:
        values = [_path(item, *path.split("."), default=default) for path in paths]
        return [_name(item), *values, _created(item)]

    return cells


# Names of the columns; `+` marks those of `-o wide`.
_COLUMNS: dict[str, tuple[str, Callable[[Object], list[Any]]]] = {
    "Pod": (
        "Name, Ready, Status, Restarts, Age, +IP, +Node, +Nominated Node, +Readiness Gates",
        _pod,
    ),
    "Deployment": (
        "Name, Ready, Up-to-date, Available, Age, +Containers, +Images, +Selector",
        _deployment,
    ),
    "ReplicaSet": (
        "Name, Desired, Current, Ready, Age, +Containers, +Images, +Selector",
        _replica_set,
    ),
    "StatefulSet": ("Name, Ready, Age, +Containers, +Images", _stateful_set),
    "DaemonSet": (
        "Name, Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, "
        "+Containers, +Images, +Selector",
        _daemon_set,
    ),
    "Job": ("Name, Status, Completions, Duration, Age, +Containers, +Images, +Selector", _job),
    "HorizontalPodAutoscaler": (
        "Name, Reference, Targets, MinPods, MaxPods, Replicas, Age",
        _autoscaler,
    ),
    "PodDisruptionBudget": (
        "Name, Min Available, Max Unavailable, Allowed Disruptions, Age",
        _budget,
    ),
    "Service": ("Name, Type, Cluster-IP, External-IP, Port(s), Age, +Selector", _service),
    "Endpoints": ("Name, Endpoints, Age", _endpoints),
    "Node": (
        "Name, Status, Roles, Age, Version, +Internal-IP, +External-IP, +OS-Image, "
        "+Kernel-Version, +Container-Runtime",
        _node,
    ),
    "Event": (
        "Last Seen, Type, Reason, Object, +Subobject, +Source, Message, +First Seen, +Count, +Name",
        _event,
    ),
    "Namespace": ("Name, Status, Age", _simple("status.phase")),
    "ConfigMap": (
        "Name, Data, Age",
        lambda i: [
            _name(i),
            len(i.get("data") or {}) + len(i.get("binaryData") or {}),
            _created(i),
        ],
    ),
    "Secret": (
        "Name, Type, Data, Age",
        lambda i: [_name(i), i["type"], len(i.get("data") or {}), _created(i)],
    ),
    "ServiceAccount": (
        "Name, Secrets, Age",
        lambda i: [_name(i), len(i.get("secrets") or []), _created(i)],
    ),
    "PersistentVolumeClaim": (
        "Name, Status, Volume, Capacity, StorageClass, Age",
        _simple(
            "status.phase", "spec.volumeName", "status.capacity.storage", "spec.storageClassName"
        ),
    ),
    "PriorityClass": (
        "Name, Value, Global-Default, Age",
        _simple("value", "globalDefault", default=False),
    ),
}


# Custom resources -------------------------------------------------------------------------------


def _custom_columns(version: Object) -> tuple[str, Callable[[Object], list[Any]]]:
    columns = version.get("additionalPrinterColumns")
    if not columns:
        return "Name, Age", _simple()
    names = ["+" * bool(column.get("priority")) + column["name"] for column in columns]

    def cells(item: Object) -> list[Any]:
        return [_name(item), *(_custom_cell(item, column) for column in columns)]

    return ", ".join(["Name", *names]), cells


def _custom_cell(item: Object, column: Object) -> Any:
    found: list[Any] = [item]
    for name, index, key, wanted in _STEP.findall(column["jsonPath"]):
        if name:
            found = [value[name] for value in found if isinstance(value, dict) and name in value]
            continue
        rows = [value for value in found if isinstance(value, list)]
        if index == "*":
            found = [entry for row in rows for entry in row]
        elif index:
            found = [row[int(index)] for row in rows if int(index) < len(row)]
        else:
            found = [e for row in rows for e in row if str(_path(e, *key.split("."))) == wanted]
    if not found:
        return None
    return _age(found[0]) if column["type"] == "date" else found[0]
