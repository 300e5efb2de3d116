"""The modules triton_health, triton_infer and triton_generate, as Ansible calls them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.tests.unit.fake_triton import FakeTriton, events


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


@pytest.fixture
def canaries(tmp_path: Path) -> Path:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "canary.json").write_text('{"endpoint": "infer", "body": {}}')
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(name: str, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(
            f"ansible_collections.mlops.gpu_platform.plugins.modules.{name}"
        )
        arguments = {**options, "_ansible_check_mode": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_healthy_model(run: Any, triton: FakeTriton, canaries: Path) -> None:
    triton.teach_models(m="READY")
    triton.teach("/v2/models/m/infer", {"outputs": []})
    result = run("triton_health", url=triton.url, canary_directory=str(canaries), deadline=0)
    assert not result["changed"]
    assert result["models"][0]["healthy"]
    assert result["models"][0]["latency_ms"] > 0


def test_sick_model_fails_with_its_name_and_reason(
    run: Any, triton: FakeTriton, canaries: Path
) -> None:
    triton.teach_models(m="UNAVAILABLE")
    result = run("triton_health", url=triton.url, canary_directory=str(canaries), deadline=0)
    assert result["failed"]
    assert result["msg"] == "not healthy: m (no)"
    assert result["models"][0]["state"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["n"]}, "unknown model: n; allowed are m"),
        ({"canary_directory": "/nonexistent"}, "/nonexistent has no <model>/canary.json"),
        ({"url": "triton"}, "'triton' is not an address such as http://127.0.0.1:8000"),
    ],
)
def test_health_refuses(
    run: Any, triton: FakeTriton, canaries: Path, options: dict[str, Any], message: str
) -> None:
    triton.teach_models(m="READY")
    given = {"url": triton.url, "canary_directory": str(canaries), "deadline": 0, **options}
    assert run("triton_health", **given)["msg"] == message


def test_infer_with_a_file(run: Any, triton: FakeTriton, tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"JPEG")
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [1]}]
    triton.teach("/v2/models/classify", {"inputs": inputs})
    output = {"name": "label", "shape": [2], "datatype": "BYTES", "data": ["espresso", "cup"]}
    triton.teach("/v2/models/classify/infer", {"outputs": [output]})
    result = run("triton_infer", url=triton.url, model="classify", src=str(picture))
    assert result["outputs"] == {"label": ["espresso", "cup"]}
    assert result["shapes"] == {"label": [2]}


def test_infer_with_tensors(run: Any, triton: FakeTriton) -> None:
    triton.teach("/v2/models/m/infer", {"outputs": [{"name": "y", "shape": [1], "data": [2]}]})
    tensor = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}
    result = run("triton_infer", url=triton.url, model="m", inputs=[tensor])
    assert result["outputs"] == {"y": [2]}


def test_infer_tells_the_model_and_the_reason(run: Any, triton: FakeTriton) -> None:
    result = run("triton_infer", url=triton.url, model="m", inputs=[])
    assert result["msg"] == "m: HTTP 400: not taught: /v2/models/m/infer"


def test_infer_without_a_file_to_send(run: Any, triton: FakeTriton) -> None:
    result = run("triton_infer", url=triton.url, model="m", src="/nonexistent")
    assert "No such file" in result["msg"]


def test_generate(run: Any, triton: FakeTriton) -> None:
    stream = events({"text_output": "or "}, {"text_output": "not"})
    triton.teach("/v2/models/gpt/generate_stream", stream)
    result = run(
        "triton_generate", url=triton.url, model="gpt", prompt="To be", parameters={"seed": 1}
    )
    assert result["text"] == "or not"
    assert result["events"] == 2
    assert 0 < result["seconds_to_first_event"] <= result["seconds"]
    assert result["tokens_per_second"] > 0
    assert json.loads(triton.requests[0][2]) == {"text_input": "To be", "seed": 1}


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (events({"text_output": "a"}, {"error": "broken"}), "gpt: broken"),
        (b"", "gpt: the stream ended without an event"),
    ],
)
def test_generate_fails(run: Any, triton: FakeTriton, stream: bytes, message: str) -> None:
    triton.teach("/v2/models/gpt/generate_stream", stream)
    assert run("triton_generate", url=triton.url, model="gpt", prompt="x")["msg"] == message
