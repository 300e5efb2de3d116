"""The modules that the doctor asks, as Ansible calls them."""

from __future__ import annotations

import importlib
import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes import (
    process_start_time,
)
from support.fake_triton import FakeTriton
from support.odd_server import (
    closed_port,
    odd_server,
    stay_silent,
)

SERVICE = "/api/v1/namespaces/triton/services/triton"
SLICES = (
    "/apis/discovery.k8s.io/v1/namespaces/triton/endpointslices"
    "?labelSelector=kubernetes.io/service-name%3Dtriton"
)
PODS = "/api/v1/namespaces/triton/pods?labelSelector=app%3Dtriton"
EVENTS = "/api/v1/namespaces/triton/events?fieldSelector=type%3DWarning"
LAST_LINES = "/api/v1/namespaces/triton/pods/triton-1/log?container=triton&tailLines=20"
LOG = "/api/v1/namespaces/triton/pods/triton-1/log?container=triton&tailLines=500"
READY = "/v2/health/ready"
ELSEWHERE = "192.0.2.1"
"""An address that is kept for documentation, so no machine has it."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(module_name: str, /, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(
            f"ansible_collections.mlops.gpu_platform.plugins.modules.{module_name}"
        )
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


@pytest.fixture
def ask(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask a cluster at an address for what is behind triton/triton."""

    def call(server: str) -> dict[str, Any]:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(content))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        result: dict[str, Any] = run(
            "kubernetes_service_info", namespace="triton", name="triton", path=READY
        )
        return result

    return call


def pod(ready: bool, **status: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready)}
    return {
        "metadata": {"name": "triton-1"},
        "spec": {"containers": [{"name": "triton"}]},
        "status": {"conditions": [condition], **status},
    }


@pytest.fixture
def cluster() -> Iterator[FakeTriton]:
    """Know the Service, without any pod behind it."""
    with FakeTriton() as api:
        ports = [{"name": "http", "port": 8000}, {"name": "grpc", "port": 8001}]
        metadata = {"namespace": "triton", "name": "triton"}
        spec = {"ports": ports, "selector": {"app": "triton"}}
        api.teach(SERVICE, {"metadata": metadata, "spec": spec})
        api.teach(SLICES, {"items": []})
        api.teach(PODS, {"items": []})
        api.teach(EVENTS, {"items": []})
        api.teach(LAST_LINES, b"started\n\nserving\n")
        yield api


def teach_endpoint(api: FakeTriton, address: str, port: int) -> None:
    """Have a ready pod behind the Service."""
    endpoint = {
        "addresses": [address],
        "conditions": {"ready": True},
        "targetRef": {"name": "triton-1"},
    }
    ports = [{"name": "grpc", "port": 1}, {"name": "http", "port": port}]
    api.teach(SLICES, {"items": [{"endpoints": [endpoint], "ports": ports}]})
    api.teach(PODS, {"items": [pod(True)]})


def test_a_pod_of_this_machine_is_asked_itself(ask: Any, cluster: FakeTriton) -> None:
    with FakeTriton() as triton:
        triton.teach(READY, b"")
        port = triton.server.server_port
        teach_endpoint(cluster, "127.0.0.1", port)
        result = ask(cluster.url)
    assert result["well"]
    assert result["found"] == (
        f"Service triton/triton has 1 ready endpoint (127.0.0.1:{port}); "
        f"pod triton-1 itself answers (GET {READY}: HTTP 200)"
    )
    assert result["endpoints"] == [
        {"address": "127.0.0.1", "port": port, "ready": True, "pod": "triton-1"}
    ]
    assert result["log"] == ["started", "serving"]


def test_a_pod_of_this_machine_that_does_not_answer(ask: Any, cluster: FakeTriton) -> None:
    port = closed_port()
    teach_endpoint(cluster, "127.0.0.1", port)
    result = ask(cluster.url)
    assert not result["well"]
    assert "pod triton-1 itself does not answer (port" in result["found"]
    command = shlex.split(result["replace"])
    assert command[1].startswith("--kubeconfig=")
    assert command[2:] == ["-n", "triton", "delete", "pod", "triton-1"]


def test_a_pod_elsewhere_is_not_asked_from_here(ask: Any, cluster: FakeTriton) -> None:
    teach_endpoint(cluster, ELSEWHERE, 8000)
    result = ask(cluster.url)
    assert result["well"]
    assert result["found"].endswith(
        "; pod triton-1 passes its readiness probe, by which its own node asks it"
    )


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ([], "and selects no pod"),
        ([pod(False)], "and selects 1 pod; pod triton-1 is not ready yet"),
        (
            [
                pod(
                    False,
                    containerStatuses=[
                        {"name": "triton", "ready": False, "state": {"running": {}}}
                    ],
                )
            ],
            "and selects 1 pod; pod triton-1: model m: no weights",
        ),
    ],
)
def test_no_endpoint(ask: Any, cluster: FakeTriton, pods: list[Any], found: str) -> None:
    cluster.teach(PODS, {"items": pods})
    cluster.teach(LOG, b"E1123 x.cc:1] \"failed to load 'm' version 1: no weights\"\n")
    result = ask(cluster.url)
    assert not result["well"]
    assert result["found"] == f"Service triton/triton has no ready endpoint, {found}"


def test_no_service(ask: Any, cluster: FakeTriton) -> None:
    cluster.teach(SERVICE, {"message": "not found"}, status=404)
    assert ask(cluster.url)["found"] == "there is no Service triton/triton"


def test_a_cluster_that_refuses(ask: Any, cluster: FakeTriton) -> None:
    cluster.teach(SLICES, {"message": "you may not list endpointslices"}, status=403)
    result = ask(cluster.url)
    assert not result["well"]
    assert result["found"] == (
        f"the cluster ({cluster.url}) cannot be asked: HTTP 403: you may not list endpointslices"
    )


def test_a_cluster_that_is_not_there(ask: Any) -> None:
    port = closed_port()
    assert ask(f"http://127.0.0.1:{port}")["found"] == (
        f"the cluster (http://127.0.0.1:{port}) cannot be asked: port {port} of 127.0.0.1 is "
        "closed (connection refused): no program listens there"
    )


def test_a_cluster_that_is_silent(ask: Any) -> None:
    with odd_server(stay_silent) as port:
        found = ask(f"http://127.0.0.1:{port}")["found"]
    assert found.endswith(f"port {port} of 127.0.0.1 is open; nothing came within 2 s")


def test_a_cluster_of_this_machine_is_asked_by_no_proxy(
    ask: Any, cluster: FakeTriton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert "selects no pod" in ask(cluster.url)["found"]


def test_no_kubeconfig(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")
    result = run("kubernetes_service_info", namespace="triton", name="triton")
    assert not result["well"]
    assert result["found"].startswith("there is no cluster to ask in /nowhere/kubeconfig: ")


def test_the_way_to_an_address(run: Any) -> None:
    with FakeTriton() as server:
        server.teach("/-/ready", b"")
        result = run("reachability_info", url=f"{server.url}/-/ready")
    assert (result["changed"], result["well"]) == (False, True)
    assert result["found"].endswith(" is open; GET /-/ready: HTTP 200")
    assert [step["name"] for step in result["steps"]] == ["port", "/-/ready"]


@pytest.mark.parametrize("url", ["prometheus:9090", "http://", "ftp://x/", "http://x:many/"])
def test_an_address_that_is_none_is_refused(run: Any, url: str) -> None:
    result = run("reachability_info", url=url)
    assert result["failed"]
    assert result["msg"] == f"{url!r} is not an address such as http://127.0.0.1:8000/ready"


def test_processes(run: Any, tmp_path: Path) -> None:
    directories = {"run_directory": str(tmp_path / "run"), "log_directory": str(tmp_path / "logs")}
    result = run("local_processes_info", processes=[{"name": "a", "argv": ["a"]}], **directories)
    assert [found["state"] for found in result["processes"]] == ["absent"]
    assert not (tmp_path / "run").exists()


def test_an_address_of_a_process_that_is_none_is_refused(run: Any, tmp_path: Path) -> None:
    directories = {"run_directory": str(tmp_path), "log_directory": str(tmp_path)}
    (tmp_path / "a.pid").write_text(
        json.dumps({"pid": os.getpid(), "start_time": process_start_time(os.getpid())})
    )
    process = {"name": "a", "argv": ["a"], "ready_url": "nowhere"}
    result = run("local_processes_info", processes=[process], **directories)
    assert result["msg"] == "'nowhere' is not an address such as http://127.0.0.1:8000/ready"
