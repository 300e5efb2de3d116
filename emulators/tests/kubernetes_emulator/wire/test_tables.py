"""What `kubectl get` prints."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_emulator.resources import Registry
from kubernetes_emulator.wire.tables import duration, table

Object = dict[str, Any]


def _cells(group: str, version: str, plural: str, item: Object) -> dict[str, Any]:
    """Return the cells of an object by the names of their columns."""
    resource = Registry().find(group, version, plural)
    assert resource
    item = item | {"metadata": {"name": "x"} | item.get("metadata", {})}
    found = table(resource, [item], "None")
    names = [column["name"] for column in found["columnDefinitions"]]
    return dict(zip(names, found["rows"][0]["cells"], strict=True))


def _state(ready: bool, **state: Object) -> Object:
    return {"name": "c", "ready": ready, "restartCount": 2, "state": state}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (125, "2m5s"),
        (900, "15m"),
        (4 * 3600 + 600, "4h10m"),
        (30 * 3600, "30h"),
        (3 * 86400, "3d"),
        (400 * 86400, "400d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_duration(seconds: int, text: str) -> None:
    """Ages get coarser as they grow."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("status", "meta", "shown"),
    [
        ({"phase": "Pending"}, {}, "Pending"),
        ({"containerStatuses": [_state(True, running={})], "phase": "Running"}, {}, "Running"),
        (
            {"containerStatuses": [_state(False, waiting={"reason": "ImagePullBackOff"})]},
            {},
            "ImagePullBackOff",
        ),
        ({"containerStatuses": [_state(False, terminated={"exitCode": 3})]}, {}, "ExitCode:3"),
        ({"initContainerStatuses": [_state(False, running={})]}, {}, "Init:0/1"),
        ({"phase": "Running"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "Terminating"),
    ],
)
def test_pod_status(status: Object, meta: Object, shown: str) -> None:
    """The status of a pod is a container's reason where there is one."""
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}
    pod = {"metadata": meta, "spec": spec, "status": status}
    assert _cells("", "v1", "pods", pod)["Status"] == shown


def test_other_kinds() -> None:
    """Nodes, Services, autoscalers and budgets show what their columns say."""
    ready = {"type": "Ready", "status": "True"}
    labels = {"node-role.kubernetes.io/gpu": ""}
    node = {
        "metadata": {"labels": labels},
        "spec": {"unschedulable": True},
        "status": {"conditions": [ready], "nodeInfo": {"kubeletVersion": "v1.34.0"}},
    }
    cells = _cells("", "v1", "nodes", node)
    assert (cells["Status"], cells["Roles"]) == ("Ready,SchedulingDisabled", "gpu")
    ports = [{"port": 80, "nodePort": 30001, "protocol": "TCP"}]
    service = {"spec": {"type": "NodePort", "clusterIP": "127.20.1.1", "ports": ports}}
    assert _cells("", "v1", "services", service)["Port(s)"] == "80:30001/TCP"
    target = {"type": "AverageValue", "averageValue": "5"}
    metric = {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": target}}
    current = {"type": "Pods", "pods": {"current": {"averageValue": "3"}}}
    reference = {"kind": "Deployment", "name": "web"}
    scaler = {
        "spec": {"scaleTargetRef": reference, "maxReplicas": 4, "metrics": [metric]},
        "status": {"currentMetrics": [current]},
    }
    cells = _cells("autoscaling", "v2", "horizontalpodautoscalers", scaler)
    assert (cells["Reference"], cells["Targets"]) == ("Deployment/web", "3/5 (avg)")
    budget = {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}}
    cells = _cells("policy", "v1", "poddisruptionbudgets", budget)
    assert (cells["Min Available"], cells["Max Unavailable"]) == ("50%", "N/A")
    assert cells["Allowed Disruptions"] == 1
