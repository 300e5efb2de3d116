"""What a kube-apiserver serves and the emulator does not is answered 501, with one sentence."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from kubernetes_emulator import scope
from kubernetes_emulator.resources import Registry

PODS = "/api/v1/namespaces/default/pods/x"


def path_of(group: str, version: str, plural: str) -> str:
    return f"/apis/{group}/{version}/{plural}" if group else f"/api/{version}/{plural}"


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        *(("GET", path_of(*key), key[2]) for key in sorted(scope.RESOURCES)),
        *(
            ("POST", f"{PODS}/{name}", f"pods/{name}")
            for name in sorted(scope.SUBRESOURCES["pods"])
        ),
        ("GET", "/api/v1/nodes/x/proxy/stats/summary", "nodes/proxy"),
        ("GET", "/api/v1/namespaces/default/services/x:http/proxy/", "services/proxy"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/x/token", "serviceaccounts/token"),
        ("GET", "/apis/resource.k8s.io/v1", "/apis/resource.k8s.io/v1"),
        ("GET", "/metrics", "/metrics"),
        ("GET", "/.well-known/openid-configuration", "/.well-known/openid-configuration"),
    ],
)
def test_it_is_refused_with_one_sentence(
    api_server: str, method: str, path: str, named: str
) -> None:
    with pytest.raises(HTTPError) as refused, urlopen(Request(api_server + path, method=method)):
        pass
    with refused.value as answer:
        status = json.load(answer)
    assert (refused.value.code, status["code"], status["reason"]) == (501, 501, "NotImplemented")
    assert status["message"].startswith("the emulated Kubernetes API does not serve ")
    assert named in status["message"]
    assert status["message"].endswith("(emulators/README.md)")


def test_nothing_that_is_served_is_refused() -> None:
    served = {(item.group, item.version, item.plural) for item in Registry().all()}
    assert served & scope.RESOURCES == set()
    assert [
        item.plural
        for item in Registry().all()
        if not item.group and scope.SUBRESOURCES.get(item.plural, set()) & set(item.subresources)
    ] == []


def test_kubectl_says_it(api_server: str, kubernetes_clients: Path, tmp_path: Path) -> None:
    pod = {
        "metadata": {"name": "scope"},
        "spec": {"containers": [{"name": "main", "image": "registry.example/app"}]},
    }
    where = f"{api_server}/api/v1/namespaces/default/pods"
    headers = {"Content-Type": "application/json"}
    urlopen(Request(where, json.dumps(pod).encode(), headers, method="POST")).close()
    command = (
        kubernetes_clients / "kubectl",
        f"--server={api_server}",
        "exec",
        "scope",
        "--",
        "ls",
    )
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    urlopen(Request(f"{where}/scope", method="DELETE")).close()
    assert done.returncode != 0
    assert "the emulated Kubernetes API does not serve pods/exec" in done.stderr
