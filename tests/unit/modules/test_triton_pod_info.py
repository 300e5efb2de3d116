"""The module triton_pod_info, as Ansible calls it, over an API that knows one crashing pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.modules import triton_pod_info
from support.fake_triton import FakeTriton

PODS = "/api/v1/namespaces/triton/pods"
SELECTED = f"{PODS}?labelSelector=app%3Dtriton"
EVENTS = "/api/v1/namespaces/triton/events?fieldSelector=type%3DWarning"
LOG = f"{PODS}/triton-1/log?container=triton&tailLines=500"
CRASHED = {
    "metadata": {"name": "triton-1"},
    "status": {
        "containerStatuses": [
            {
                "name": "triton",
                "ready": False,
                "restartCount": 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "message": "error: no models\n"}},
            }
        ]
    },
}


@pytest.fixture
def api() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        fake.teach(SELECTED, {"items": [CRASHED]})
        fake.teach(EVENTS, {"items": []})
        yield fake


@pytest.fixture
def run(
    api: FakeTriton,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    def call() -> dict[str, Any]:
        kubeconfig = tmp_path / "kubeconfig"
        entry = {"cluster": "c", "user": "u"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": api.url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": entry}],
        }
        kubeconfig.write_text(json.dumps(content))
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        arguments = {"namespace": "triton", "label_selectors": ["app=triton"]}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            triton_pod_info.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_reason_comes_from_the_log(run: Any, api: FakeTriton) -> None:
    api.teach(LOG, b"E1123 x.cc:1] \"failed to load 'm' version 1: Internal: no weights\"\n")
    result = run()
    assert not result["changed"]
    assert result["problems"] == ["pod triton-1: model m: Internal: no weights"]


def test_without_a_log_the_status_serves(run: Any, api: FakeTriton) -> None:
    api.teach(LOG, {"message": "no such container"}, status=400)
    assert run()["problems"] == ["pod triton-1: error: no models"]


def test_refusing_api_is_an_error(run: Any, api: FakeTriton) -> None:
    api.teach(SELECTED, {"message": "no"}, status=403)
    result = run()
    assert result["failed"]
    assert "pods of namespace triton cannot be read" in result["msg"]
