"""Prometheus without Kubernetes discovery gets the same targets from a file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from node_agent.client import Client
from stand_ins.prometheus_kubernetes_sd import refresh, target_groups, with_file_discovery
from support.full_disk import largest_file

POD: dict[str, Any] = {
    "metadata": {
        "name": "triton-0",
        "namespace": "triton",
        "uid": "u-1",
        "labels": {"app.kubernetes.io/name": "triton"},
        "annotations": {"checksum/config": "abc"},
    },
    "spec": {
        "nodeName": "gpu-1",
        "containers": [
            {
                "name": "triton",
                "image": "triton:1",
                "ports": [
                    {"name": "http", "containerPort": 8000},
                    {"name": "metrics", "containerPort": 8002, "protocol": "TCP"},
                ],
            },
            {"name": "without-ports", "image": "other:1"},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "127.10.0.5",
        "hostIP": "127.0.0.1",
        "conditions": [{"type": "Ready", "status": "False"}],
    },
}


def kubeconfig(folder: Path, port: int) -> Path:
    """Write the kubeconfig of an API server on this machine."""
    content = {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content))
    return file


def test_a_pod_gives_one_target_for_each_port() -> None:
    http, metrics = target_groups(POD)
    assert [http["targets"], metrics["targets"]] == [["127.10.0.5:8000"], ["127.10.0.5:8002"]]
    assert metrics["labels"] == {
        "__meta_kubernetes_namespace": "triton",
        "__meta_kubernetes_pod_name": "triton-0",
        "__meta_kubernetes_pod_uid": "u-1",
        "__meta_kubernetes_pod_ip": "127.10.0.5",
        "__meta_kubernetes_pod_host_ip": "127.0.0.1",
        "__meta_kubernetes_pod_node_name": "gpu-1",
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_ready": "false",
        "__meta_kubernetes_pod_container_name": "triton",
        "__meta_kubernetes_pod_container_image": "triton:1",
        "__meta_kubernetes_pod_container_port_name": "metrics",
        "__meta_kubernetes_pod_container_port_number": "8002",
        "__meta_kubernetes_pod_container_port_protocol": "TCP",
        "__meta_kubernetes_pod_label_app_kubernetes_io_name": "triton",
        "__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name": "true",
        "__meta_kubernetes_pod_annotation_checksum_config": "abc",
        "__meta_kubernetes_pod_annotationpresent_checksum_config": "true",
    }


def test_a_pod_without_an_address_is_no_target() -> None:
    assert target_groups({**POD, "status": {"phase": "Pending"}}) == []


def test_only_discovery_and_rule_paths_are_changed(tmp_path: Path) -> None:
    relabel = [{"source_labels": ["__meta_kubernetes_pod_phase"], "action": "keep"}]
    discovery = {"kubernetes_sd_configs": [{"role": "pod"}]}
    config = {
        "global": {"scrape_interval": "5s"},
        "rule_files": ["*.rules.yml", "/elsewhere/rules.yml"],
        "scrape_configs": [{"job_name": "triton", "relabel_configs": relabel, **discovery}],
        "alerting": {"alertmanagers": [{"relabel_configs": relabel, **discovery}]},
    }
    files = {"file_sd_configs": [{"files": [str(tmp_path / "targets.json")]}]}
    assert with_file_discovery(config, Path("/etc/prometheus"), tmp_path / "targets.json") == {
        "global": {"scrape_interval": "5s"},
        "rule_files": ["/etc/prometheus/*.rules.yml", "/elsewhere/rules.yml"],
        "scrape_configs": [{"job_name": "triton", "relabel_configs": relabel, **files}],
        "alerting": {"alertmanagers": [{"relabel_configs": relabel, **files}]},
    }


@pytest.mark.parametrize(
    "discoveries",
    [
        [],
        [{"role": "node"}],
        [{"role": "pod", "namespaces": {"names": ["triton"]}}],
        [{"role": "pod", "api_server": "https://other"}],
        [{"role": "pod"}, {"role": "node"}],
    ],
)
def test_other_discovery_is_refused(discoveries: list[dict[str, Any]], tmp_path: Path) -> None:
    config = {"scrape_configs": [{"job_name": "x", "kubernetes_sd_configs": discoveries}]}
    with pytest.raises(ValueError, match="not discovery of all pods of the own cluster"):
        with_file_discovery(config, tmp_path, tmp_path / "targets.json")


def test_targets_stay_while_the_api_server_is_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = tmp_path / "targets.json"
    targets.write_text(json.dumps(target_groups(POD)))
    refresh(Client(kubeconfig(tmp_path, 9)), targets)
    assert json.loads(targets.read_text()) == target_groups(POD)
    assert "keeping the last targets: " in capsys.readouterr().err


class Pods(BaseHTTPRequestHandler):
    """A Kubernetes API that has one pod."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(
            json.dumps({"items": [POD]} if self.path == "/api/v1/pods" else {}).encode()
        )


def test_targets_stay_while_the_disk_is_full(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = tmp_path / "targets.json"
    targets.write_text("[]")
    with HTTPServer(("127.0.0.1", 0), Pods) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = Client(kubeconfig(tmp_path, server.server_port))
        with largest_file(10):
            refresh(client, targets)
        assert targets.read_text() == "[]"
        assert "keeping the last targets: " in capsys.readouterr().err
        refresh(client, targets)
        server.shutdown()
    assert json.loads(targets.read_text()) == target_groups(POD)


def test_prometheus_starts_with_the_targets_in_place(tmp_path: Path) -> None:
    program = tmp_path / "prometheus"
    program.write_text('#!/bin/sh\necho "$@"\ncat data/discovery/targets.json\nexit 7\n')
    program.chmod(0o755)
    with HTTPServer(("127.0.0.1", 0), Pods) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = {"scrape_configs": [{"job_name": "x", "kubernetes_sd_configs": [{"role": "pod"}]}]}
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))
        arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.route-prefix=/",
        ]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "stand_ins.prometheus_kubernetes_sd",
                f"--kubeconfig={kubeconfig(tmp_path, server.server_port)}",
                program,
                *arguments,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        server.shutdown()
    assert done.returncode == 7, done.stderr
    given, targets = done.stdout.splitlines()
    config_file = tmp_path / "data/discovery/prometheus.yml"
    assert given == f"--config.file={config_file} --storage.tsdb.path=data --web.route-prefix=/"
    assert json.loads(targets) == target_groups(POD)
