"""The real clients against the emulator: kubectl, helm, and the Python dynamic client."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, dynamic
from kubernetes_emulator.server import Server

Run = Callable[..., subprocess.CompletedProcess[str]]

_SPEC: dict[str, Any] = {
    "replicas": 2,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
    },
}
_MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": _SPEC,
}
_TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {greeting: "{{ .Values.greeting }}", revision: "{{ .Release.Revision }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


@pytest.fixture
def namespace(server: Server, request: pytest.FixtureRequest) -> str:
    """Return a fresh namespace."""
    name = request.node.name.replace("_", "-")[:60].strip("-")
    api = client.CoreV1Api(_api_client(server))
    api.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    return name


@pytest.fixture
def run(server: Server, kubernetes_clients: Path, tmp_path: Path, namespace: str) -> Run:
    """Return a function that runs kubectl or helm in the test's namespace."""
    kubeconfig = tmp_path / "kubeconfig"
    entry = {"cluster": "emulator", "user": "anyone", "namespace": namespace}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "emulator",
                "clusters": [{"name": "emulator", "cluster": {"server": f"http://{server.host}"}}],
                "contexts": [{"name": "emulator", "context": entry}],
                "users": [{"name": "anyone", "user": {}}],
            }
        )
    )
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}

    def call(*argv: str, stdin: Any = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(kubernetes_clients / argv[0]), *argv[1:]],
            input=json.dumps(stdin) if stdin else None,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 or not check, f"{argv}: {done.stderr}"
        return done

    return call


def _api_client(server: Server) -> client.ApiClient:
    return client.ApiClient(client.Configuration(host=f"http://{server.host}"))


def test_kubectl_apply(run: Run) -> None:
    """Apply twice changes nothing, a changed file is merged, a wrong field is refused."""
    apply = ("kubectl", "apply", "-f", "-")
    assert "created" in run(*apply, stdin=_MANIFEST).stdout
    assert "unchanged" in run(*apply, stdin=_MANIFEST).stdout
    changed = json.loads(json.dumps(_MANIFEST).replace("web:1", "web:2"))
    assert run("kubectl", "diff", "-f", "-", stdin=changed, check=False).returncode == 1
    assert "configured" in run(*apply, stdin=changed).stdout
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert run("kubectl", "get", "deploy/web", "-o", image).stdout == "registry.example/web:2"
    wrong = run(*apply, stdin=_MANIFEST | {"spec": _SPEC | {"a": 1}}, check=False)
    assert 'unknown field "spec.a"' in wrong.stderr


def test_kubectl_server_side_apply(run: Run) -> None:
    """A field that another manager owns is a conflict, until it is forced."""
    apply = ("kubectl", "apply", "--server-side", "-f", "-")
    run(*apply, "--field-manager=one", stdin=_MANIFEST)
    more = _MANIFEST | {"spec": _SPEC | {"replicas": 3}}
    refused = run(*apply, "--field-manager=two", stdin=more, check=False)
    assert 'conflict with "one": .spec.replicas' in refused.stderr
    run(*apply, "--field-manager=two", "--force-conflicts", stdin=more)
    assert run("kubectl", "get", "deploy/web", "-o", "jsonpath={.spec.replicas}").stdout == "3"


def test_kubectl_everyday_commands(run: Run) -> None:
    """Create, scale, label, describe, explain, get and delete do what they say."""
    run("kubectl", "create", "-f", "-", stdin=_MANIFEST)
    run("kubectl", "create", "configmap", "settings", "--from-literal=a=b")
    run("kubectl", "create", "secret", "generic", "password", "--from-literal=a=b")
    run("kubectl", "scale", "deploy/web", "--replicas=3")
    run("kubectl", "label", "deploy/web", "tier=front")
    run("kubectl", "rollout", "restart", "deploy/web")
    assert "3 desired" in run("kubectl", "describe", "deploy/web").stdout
    assert "maxSurge" in run("kubectl", "explain", "deploy.spec.strategy.rollingUpdate").stdout
    lines = run("kubectl", "get", "deploy", "-l", "tier=front").stdout.splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:4] == ["web", "0/3", "0", "0"]
    assert "Opaque" in run("kubectl", "get", "secret", "password").stdout
    run("kubectl", "delete", "deploy/web", "cm/settings", "secret/password")
    assert run("kubectl", "get", "deploy").stderr.startswith("No resources found")


def test_kubectl_wait_and_namespace(run: Run, namespace: str) -> None:
    """A watch tells `kubectl wait` of a status; deleting the namespace removes all in it."""
    run("kubectl", "run", "job", "--image=registry.example/job:1", "--restart=Never")
    patch = '{"status": {"phase": "Succeeded"}}'
    run("kubectl", "patch", "pod/job", "--subresource=status", "--type=merge", "-p", patch)
    run("kubectl", "wait", "pod/job", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=10s")
    assert "Completed" not in run("kubectl", "get", "pod/job").stdout
    run("kubectl", "delete", "namespace", namespace, "--timeout=20s")
    gone = run("kubectl", "get", "namespace", namespace, check=False)
    assert "NotFound" in gone.stderr


def test_kubectl_logs(run: Run, namespace: str, log_dir: Path) -> None:
    """The log of a container is the node agent's file."""
    run("kubectl", "run", "web", "--image=registry.example/web:1")
    waiting = run("kubectl", "logs", "web", check=False)
    assert "is waiting to start" in waiting.stderr
    (log_dir / f"{namespace}_web_web.log").write_text("first\nsecond\n")
    assert run("kubectl", "logs", "web").stdout == "first\nsecond\n"
    assert run("kubectl", "logs", "web", "--tail=1").stdout == "second\n"


def test_helm_life_of_a_release(run: Run, tmp_path: Path) -> None:
    """Install, upgrade, roll back and uninstall, each with its revision kept."""
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: chart, version: 0.1.0}\n")
    (chart / "values.yaml").write_text("greeting: hello\n")
    (chart / "templates" / "all.yaml").write_text(_TEMPLATE)

    def greeting() -> str:
        return run("kubectl", "get", "cm/demo", "-o", "jsonpath={.data.greeting}").stdout

    run("helm", "install", "demo", str(chart))
    address = run("kubectl", "get", "svc/demo", "-o", "jsonpath={.spec.clusterIP}").stdout
    assert address.startswith("127.20.")
    run("helm", "upgrade", "demo", str(chart), "--set", "greeting=bonjour")
    assert greeting() == "bonjour"
    run("helm", "rollback", "demo", "1")
    assert greeting() == "hello"
    assert run("kubectl", "get", "svc/demo", "-o", "jsonpath={.spec.clusterIP}").stdout == address
    releases = json.loads(run("helm", "list", "-o", "json").stdout)
    assert [(r["name"], r["revision"], r["status"]) for r in releases] == [
        ("demo", "3", "deployed")
    ]
    run("helm", "uninstall", "demo")
    assert json.loads(run("helm", "list", "-o", "json").stdout) == []
    assert run("kubectl", "get", "cm/demo", check=False).returncode == 1


def test_python_dynamic_client(server: Server, namespace: str) -> None:
    """Discovery, create, apply, patch, list, watch and delete by the dynamic client."""
    found = dynamic.DynamicClient(_api_client(server))
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    deployments.create(body=_MANIFEST, namespace=namespace)
    patched = deployments.patch(
        name="web",
        namespace=namespace,
        body={"spec": {"replicas": 5}},
        content_type="application/strategic-merge-patch+json",
    )
    assert patched.spec.replicas == 5
    applied = deployments.server_side_apply(
        body=_MANIFEST, name="web", namespace=namespace, field_manager="one", force_conflicts=True
    )
    assert applied.spec.replicas == 2
    rows = deployments.get(namespace=namespace, label_selector="app=web")
    assert [item.metadata.name for item in rows.items] == ["web"]
    events = deployments.watch(namespace=namespace, timeout=1)
    assert [(event["type"], event["object"].metadata.name) for event in events] == [
        ("ADDED", "web")
    ]
    deployments.delete(name="web", namespace=namespace)
    with pytest.raises(dynamic.exceptions.NotFoundError):
        deployments.get(name="web", namespace=namespace)
