"""The cache: what a write has brought in is never replaced by something older."""

from __future__ import annotations

from typing import Any, cast

import pytest
from node_agent.client import Client
from node_agent.cluster import Cluster
from node_agent.controllers.pods import template_hash


def pod(version: int, uid: str = "a", **spec: str) -> dict[str, Any]:
    """A version of the pod p."""
    metadata = {
        "name": "p",
        "namespace": "n",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": metadata, "spec": spec}


class Requests:
    """A client that takes every request down and answers like a server that agrees."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def request(self, method: str, path: str, body: Any = None, *_: str) -> dict[str, Any]:
        self.sent.append((method, path))
        return {**pod(7), **body}


@pytest.fixture(name="cluster")
def cluster_with_pod() -> Cluster:
    """A cache in which version 5 of the pod is bound to a node."""
    cluster = Cluster(cast(Client, Requests()))
    cluster.apply("Pod", "ADDED", pod(5))
    cluster.bind(cluster.select("Pod")[0], "node")
    return cluster


def bound(cluster: Cluster) -> list[str | None]:
    return [found["spec"].get("nodeName") for found in cluster.select("Pod")]


@pytest.mark.parametrize(
    ("change", "data", "expected"),
    [
        ("ADDED", pod(5), ["node"]),
        ("MODIFIED", pod(4), ["node"]),
        ("MODIFIED", pod(6, nodeName="other"), ["other"]),
        ("MODIFIED", pod(3, uid="b"), [None]),
        ("DELETED", pod(6), []),
        ("DELETED", pod(6, uid="before"), ["node"]),
        ("LIST", {"items": [pod(5)]}, ["node"]),
        ("LIST", {"items": []}, []),
        ("LIST", {"items": [pod(2, uid="b")]}, [None]),
    ],
)
def test_events(cluster: Cluster, change: str, data: dict[str, Any], expected: list[Any]) -> None:
    cluster.apply("Pod", change, data)
    assert bound(cluster) == expected


def test_zero_and_absent_are_the_same_status(cluster: Cluster) -> None:
    known = cluster.select("Pod")[0]
    sent = cast(Requests, cluster.client).sent
    before = len(sent)
    cluster.update_status("Pod", known, {"readyReplicas": 0, "conditions": []})
    assert len(sent) == before
    cluster.update_status("Pod", known, {"readyReplicas": 1})
    assert sent[before:] == [("PATCH", "/api/v1/namespaces/n/pods/p/status")]


def test_empty_fields_do_not_change_a_template() -> None:
    container = {"name": "c", "env": [{"name": "X", "value": ""}]}
    plain = {"spec": {"containers": [{"name": "c", "env": [{"name": "X"}]}]}}
    dressed = {"metadata": {"creationTimestamp": None}, "spec": {"containers": [container]}}
    assert template_hash(plain) == template_hash(dressed)
    assert template_hash(plain) != template_hash({"spec": {"containers": [{"name": "d"}]}})
