"""Endpoints have the pods' addresses, as far as the API server lets them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from node_agent.client import ApiError, Client
from node_agent.cluster import Cluster
from node_agent.controllers import endpoints

CREATED = {"creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "1"}


class Server:
    """An API server that takes loopback addresses or, as a real one does, refuses them."""

    def __init__(self, loopback: bool) -> None:
        self.loopback = loopback
        self.asked = 0
        self.written: list[dict[str, Any]] = []

    def request(self, _: str, path: str, body: dict[str, Any], *__: str) -> dict[str, Any]:
        if path.endswith("?dryRun=All"):
            self.asked += 1
        else:
            self.written.append(body)
        if not self.loopback and "127." in str(body):
            raise ApiError(422, "may not be in the loopback range")
        return {**body, "metadata": {"name": "s-1", **CREATED, **body["metadata"]}}


def pod(address: str) -> dict[str, Any]:
    """A ready pod of the service."""
    metadata = {"name": address, "namespace": "n", "uid": address, "labels": {"app": "s"}}
    return {
        "metadata": {**metadata, **CREATED},
        "spec": {"nodeName": "node", "containers": [{"name": "c"}]},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": "True"}]},
    }


SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "n", "uid": "s"},
    "spec": {"selector": {"app": "s"}, "ports": [{"name": "http", "port": 80}]},
}


@pytest.mark.parametrize(
    ("loopback", "expected"),
    [(True, ["10.88.0.1", "127.10.0.1"]), (False, ["10.88.0.1"])],
)
def test_refused_addresses_are_left_out(loopback: bool, expected: list[str]) -> None:
    server = Server(loopback)
    cluster = Cluster(cast(Client, server))
    for address in ("10.88.0.1", "127.10.0.1"):
        cluster.apply("Pod", "ADDED", pod(address))
    for _ in range(2):
        endpoints.reconcile(cluster, SERVICE)
    written = [address["ip"] for address in server.written[0]["subsets"][0]["addresses"]]
    sliced = [endpoint["addresses"][0] for endpoint in server.written[1]["endpoints"]]
    assert written == sliced == expected
    assert server.asked == 1
    # A published port reaches every ready pod all the same.
    assert len(endpoints.addresses(cluster, SERVICE, "http")) == 2
