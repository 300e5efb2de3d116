"""A Kubernetes API server and a cluster agent, both as processes of the test run."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from node_agent.client import MERGE_PATCH, ApiError, Client
from node_agent.cluster import EVENTS, RESOURCES
from node_agent.pods.process import MARK

REPOSITORY = "registry.example/app"
GPU = "nvidia.com/gpu"
NODES = [
    {"name": "cpu", "capacity": {"cpu": "4", "memory": "8Gi"}},
    {
        "name": "gpu",
        "labels": {"accelerator": "nvidia"},
        "taints": [{"key": GPU, "value": "true", "effect": "NoSchedule"}],
        "capacity": {"cpu": "4", "memory": "8Gi", GPU: "1"},
    },
]
# What the image's program does depends on its tag, as a version of a program would.
PROGRAM = """
import http.server, os, pathlib, signal, sys, threading, time

tag, host = sys.argv[1], sys.argv[-1].partition("=")[2]
if tag == "crash":
    sys.exit("model resnet50: UNAVAILABLE: Invalid argument")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(self.path.partition("sleep=")[2] or 0))
        body = tag.encode()
        if self.path == "/config":
            body = pathlib.Path(os.environ["CONFIG"]).read_bytes()
        ready = not (tag == "unready" and self.path == "/ready")
        self.send_response(200 if ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer((host, 8080), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""


def free_port() -> int:
    """A port which nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true value of ``condition``; fail when it does not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"{what} has not come within {seconds:.0f} s")


class Stack:
    """The two processes, and what tests ask of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        api_port = free_port()
        (directory / "program.py").write_text(PROGRAM)
        for tag in ("v1", "v2", "crash", "unready"):
            (directory / "images" / tag).mkdir(parents=True)
        image = {
            "repository": REPOSITORY,
            "root": f"{directory}/images/{{tag}}",
            "command": [sys.executable, f"{directory}/program.py", "{tag}"],
            "args": ["--host={pod_ip}"],
        }
        server = {"server": f"http://127.0.0.1:{api_port}"}
        kubeconfig = {
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        (directory / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        publish = {f"127.0.0.1:{self.port}": "test/app:http"}
        for name, content in (
            ("images", {"images": [image]}),
            ("nodes", NODES),
            ("publish", publish),
        ):
            (directory / f"{name}.json").write_text(json.dumps(content))
        self.server = self._start("kubernetes_emulator", "--port", str(api_port))
        self.client = Client(directory / "kubeconfig")
        wait_for(self._answers, "the API server")
        self.agent = self.start_agent()

    def _answers(self) -> bool:
        try:
            return bool(self.client.request("GET", "/version"))
        except ApiError:
            return False

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{module}.log").open("ab") as log:
            command = [sys.executable, "-m", module, *arguments]
            return subprocess.Popen(command, stdout=log, stderr=log)

    def start_agent(self) -> subprocess.Popen[bytes]:
        """Start an agent with the same state as the one before."""
        files = {f"--{name}": f"{name}.json" for name in ("images", "nodes", "publish")}
        files |= {"--kubeconfig": "kubeconfig", "--state-dir": "state"}
        arguments = [word for k, v in files.items() for word in (k, str(self.directory / v))]
        self.agent = self._start("node_agent", *arguments, "--pod-cidr", "127.21.0.0/24")
        return self.agent

    def stop(self) -> None:
        """End both processes."""
        for process in (self.agent, self.server):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)

    def processes(self) -> list[int]:
        """The pods' processes."""
        mark = f"{MARK}={self.directory}/state".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in entry.read_bytes().split(b"\0"):
                    found.append(int(entry.parent.name))
            except OSError:
                continue
        return found

    def create(self, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object, in the namespace test unless it says otherwise."""
        resource = RESOURCES[kind]
        if resource.namespaced:
            obj["metadata"].setdefault("namespace", "test")
        path = resource.path(obj["metadata"].get("namespace", ""))
        body = {"apiVersion": resource.api_version, "kind": kind, **obj}
        return self.client.request("POST", path, body)

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        """Merge into an object of the namespace test."""
        self.client.request("PATCH", RESOURCES[kind].path("test", name), patch, MERGE_PATCH)

    def get(self, kind: str, name: str, namespace: str = "test") -> dict[str, Any]:
        """An object; empty when there is none."""
        try:
            return self.client.request("GET", RESOURCES[kind].path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return {}
            raise

    def delete(self, kind: str, name: str) -> None:
        """Delete an object of the namespace test."""
        self.client.request("DELETE", RESOURCES[kind].path("test", name))

    def pods(self, app: str = "app") -> list[dict[str, Any]]:
        """The pods with that app label."""
        path = RESOURCES["Pod"].path("test")
        found: list[dict[str, Any]] = self.client.request("GET", path)["items"]
        return [pod for pod in found if pod["metadata"].get("labels", {}).get("app") == app]

    def events(self, reason: str) -> list[str]:
        """The messages of the events with that reason."""
        items = self.client.request("GET", EVENTS.path("test"))["items"]
        return [event["message"] for event in items if event["reason"] == reason]

    def ask(self, path: str = "/") -> str:
        """What the published port answers; raises OSError when it does not."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def refuses(self) -> bool:
        """Whether nothing listens on the published port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def complete(self, name: str = "app") -> bool:
        """Whether a Deployment's rollout is complete, as ``kubectl rollout status`` says it."""
        deployment = self.get("Deployment", name)
        status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
        counts = {
            status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")
        }
        current = status.get("observedGeneration") == deployment["metadata"]["generation"]
        return current and counts == {wanted}


def template(app: str, tag: str = "v1", **container: Any) -> dict[str, Any]:
    """A pod template with one container of the test's image."""
    main = {
        "name": "main",
        "image": f"{REPOSITORY}:{tag}",
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "web"}, "periodSeconds": 1},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **container,
    }
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [main]},
    }


def workload(app: str, pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Deployment, StatefulSet or DaemonSet of that template."""
    selector = {"matchLabels": {"app": app}}
    return {"metadata": {"name": app}, "spec": {"selector": selector, "template": pod, **spec}}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with a namespace, test, and a published Service, app."""
    running = Stack(tmp_path_factory.mktemp("stack"))
    try:
        running.create("Namespace", {"metadata": {"name": "test"}})
        ports = [{"name": "http", "port": 80, "targetPort": "web"}]
        spec = {"selector": {"app": "app"}, "ports": ports}
        running.create("Service", {"metadata": {"name": "app"}, "spec": spec})
        wait_for(lambda: running.get("ServiceAccount", "default"), "the default ServiceAccount")
        yield running
    finally:
        running.stop()
