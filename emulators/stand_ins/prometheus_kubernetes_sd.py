"""Run a Prometheus that was built without Kubernetes discovery as if it had it.

``python -m stand_ins.prometheus_kubernetes_sd --kubeconfig=FILE PROMETHEUS... ARGUMENT...`` starts
Prometheus with a copy of its configuration in which file discovery takes the place of
``kubernetes_sd_configs``, and keeps the file of targets up to date with the pods. The targets carry
the same ``__meta_kubernetes_*`` labels as those of the role ``pod``, so the relabelling of the
configuration is at work unchanged. The kubeconfig stands for what Prometheus finds in a pod of a
cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from node_agent.client import ApiError, Client
from node_agent.cluster import RESOURCES

from . import disk

REFRESH_SECONDS = 2


def meta_labels(kind: str, values: dict[str, str]) -> dict[str, str]:
    """Return the discovery labels for a pod's labels or annotations (``kind`` in the singular)."""
    labels = {}
    for key, value in values.items():
        name = re.sub(r"[^a-zA-Z0-9_]", "_", key)
        labels[f"__meta_kubernetes_pod_{kind}_{name}"] = value
        labels[f"__meta_kubernetes_pod_{kind}present_{name}"] = "true"
    return labels


def target_groups(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a pod's targets in the format of file discovery: one for each port it declares."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    address = status.get("podIP")
    if not address:
        return []
    ready = [each["status"] for each in status.get("conditions", []) if each["type"] == "Ready"]
    of_pod = {
        "namespace": metadata["namespace"],
        "pod_name": metadata["name"],
        "pod_uid": metadata["uid"],
        "pod_ip": address,
        "pod_host_ip": status.get("hostIP", ""),
        "pod_node_name": spec.get("nodeName", ""),
        "pod_phase": status.get("phase", ""),
        "pod_ready": ready[0].lower() if ready else "unknown",
    }
    groups = []
    for container in spec["containers"]:
        for port in container.get("ports", []):
            of_port = {
                "pod_container_name": container["name"],
                "pod_container_image": container["image"],
                "pod_container_port_name": port.get("name", ""),
                "pod_container_port_number": str(port["containerPort"]),
                "pod_container_port_protocol": port.get("protocol", "TCP"),
            }
            plain = {f"__meta_kubernetes_{k}": v for k, v in {**of_pod, **of_port}.items()}
            groups.append(
                {
                    "targets": [f"{address}:{port['containerPort']}"],
                    "labels": plain
                    | meta_labels("label", metadata.get("labels", {}))
                    | meta_labels("annotation", metadata.get("annotations", {})),
                }
            )
    return groups


def with_file_discovery(config: dict[str, Any], folder: Path, targets: Path) -> dict[str, Any]:
    """Return a configuration that reads ``targets`` where it asked the API server before.

    ``folder`` is what the configuration's relative paths begin at. Raises ValueError unless every
    Kubernetes discovery is for all pods of the cluster that Prometheus runs in.
    """

    def translate(node: Any) -> Any:
        if isinstance(node, list):
            return [translate(each) for each in node]
        if not isinstance(node, dict):
            return node
        node = {key: translate(value) for key, value in node.items()}
        if "kubernetes_sd_configs" in node:
            discoveries = node.pop("kubernetes_sd_configs")
            if discoveries != [{"role": "pod"}]:
                raise ValueError(f"not discovery of all pods of the own cluster: {discoveries}")
            node["file_sd_configs"] = [{"files": [str(targets)]}]
        return node

    translated = translate(config)
    translated["rule_files"] = [str(folder / rules) for rules in config.get("rule_files", [])]
    return translated


def refresh(client: Client, targets: Path) -> None:
    """Write the targets of all pods.

    The last ones are kept while the API server does not answer, or the disk is full.
    """
    try:
        pods = client.request("GET", RESOURCES["Pod"].path())["items"]
    except ApiError as error:
        print(f"keeping the last targets: {error}", file=sys.stderr, flush=True)
        return
    content = json.dumps([group for pod in pods for group in target_groups(pod)])
    if not targets.exists() or targets.read_text() != content:
        # Prometheus watches the folder: it must never see half a file.
        try:
            disk.write(targets, content.encode())
        except OSError as error:
            print(f"keeping the last targets: {error}", file=sys.stderr, flush=True)


def keep_fresh(client: Client, targets: Path, prometheus: int) -> None:
    """Refresh the targets for as long as Prometheus, the parent process, lives."""
    while os.getppid() == prometheus:
        refresh(client, targets)
        time.sleep(REFRESH_SECONDS)


def main() -> None:
    """Become the Prometheus that the first arguments name, and leave a child to refresh."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("prometheus", nargs="+", help="the program, and what runs it")
    parser.add_argument("--config.file", dest="config", type=Path, required=True)
    parser.add_argument("--storage.tsdb.path", dest="storage", type=Path, required=True)
    given, others = parser.parse_known_args()
    # Prometheus' own folder goes when its pod goes.
    state = given.storage.absolute() / "discovery"
    config, targets = state / "prometheus.yml", state / "targets.json"
    read = yaml.safe_load(given.config.read_text())
    translated = with_file_discovery(read, given.config.absolute().parent, targets)
    disk.write_or_exit(config, yaml.safe_dump(translated).encode())
    client = Client(given.kubeconfig)
    refresh(client, targets)
    prometheus = os.getpid()
    if os.fork() == 0:
        keep_fresh(client, targets, prometheus)
        return
    options = [f"--config.file={config}", f"--storage.tsdb.path={given.storage}", *others]
    os.execvp(given.prometheus[0], [*given.prometheus, *options])


if __name__ == "__main__":
    disk.outlive_full_logs()
    main()
