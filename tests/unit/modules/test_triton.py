"""The modules that talk to Triton, as Ansible calls them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from support.fake_triton import FakeTriton, events
from support.odd_server import (
    odd_server,
    say,
    stay_silent,
)


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    (tmp_path / "m" / "1").mkdir(parents=True)
    case = {"endpoint": "generate", "body": {"text_input": "x"}, "text_output": "a"}
    document = {"tolerance": 0, "cases": [case]}
    (tmp_path / "m" / "1" / "golden.json").write_text(json.dumps(document))
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


GENERATE = "/v2/models/m/versions/1/generate"


def test_healthy_model(run: Any, triton: FakeTriton, golden: Path) -> None:
    triton.teach_models(m="READY")
    triton.teach(GENERATE, {"text_output": "a"})
    result = run("triton_health", url=triton.url, golden_directory=str(golden), deadline=0)
    assert not result["changed"]
    [model] = result["models"]
    assert model.pop("latency_ms") > 0
    assert model == {
        "name": "m",
        "version": 1,
        "state": "READY",
        "healthy": True,
        "digest_match": None,
        "golden_match": True,
        "reason": "",
    }


def test_sick_model_fails_with_its_name_and_reason(
    run: Any, triton: FakeTriton, golden: Path
) -> None:
    triton.teach_models(m="UNAVAILABLE")
    result = run("triton_health", url=triton.url, golden_directory=str(golden), deadline=0)
    assert result["failed"]
    assert result["msg"] == "not healthy: m (no)"
    assert result["models"][0]["state"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["n"]}, "unknown model: n; allowed are m"),
        (
            {"golden_directory": "/nonexistent"},
            "/nonexistent has no <model>/<version>/golden.json",
        ),
        ({"url": "triton"}, "'triton' is not an address such as http://127.0.0.1:8000 or"),
        (
            {"url": "http://triton:8000", "token": "secret"},
            "http://triton:8000 is not encrypted, so it is not sent a token",
        ),
    ],
)
def test_health_refuses(
    run: Any, triton: FakeTriton, golden: Path, options: dict[str, Any], message: str
) -> None:
    triton.teach_models(m="READY")
    given = {"url": triton.url, "golden_directory": str(golden), "deadline": 0, **options}
    result = run("triton_health", **given)
    assert result["failed"]
    assert result["msg"].startswith(message)


def test_token_is_not_shown(run: Any, triton: FakeTriton, golden: Path) -> None:
    triton.teach_models(m="READY")
    triton.teach(GENERATE, {"text_output": "secret"})
    given = {"url": triton.url, "golden_directory": str(golden), "deadline": 0}
    result = run("triton_health", token="secret", **given)
    assert triton.requests[0][1]["authorization"] == "Bearer secret"
    assert "secret" not in json.dumps(result)


def test_model_that_is_to_be_loaded(run: Any, triton: FakeTriton) -> None:
    triton.teach_models(m="UNAVAILABLE")
    result = run("triton_model", url=triton.url, model="m", deadline=1)
    assert (result["changed"], result["state"]) == (True, "READY")
    assert result["diff"]["before"]["state"] == "UNAVAILABLE"


def test_model_that_is_to_be_repaired_needs_golden_answers(run: Any, triton: FakeTriton) -> None:
    result = run("triton_model", url=triton.url, model="m", state="repaired")
    assert result["msg"] == (
        "state is repaired but all of the following are missing: golden_directory"
    )


def test_unreachable_server_is_told_with_the_model(run: Any) -> None:
    with FakeTriton() as gone:
        url = gone.url
    result = run("triton_model", url=url, model="m", deadline=0)
    port = url.rpartition(":")[2]
    assert result["msg"] == (
        f"m: {url} does not answer: connection refused. "
        f"Tried step by step: port {port} of 127.0.0.1 is closed (connection refused): "
        "no program listens there"
    )
    assert [(step["name"], step["ok"]) for step in result["steps"]] == [("port", False)]


def test_a_silent_server_is_told_step_by_step(run: Any, golden: Path) -> None:
    with odd_server(stay_silent) as port:
        given = {"url": f"http://127.0.0.1:{port}", "timeout": 1, "deadline": 0}
        result = run("triton_health", golden_directory=str(golden), **given)
    assert result["msg"] == (
        f"http://127.0.0.1:{port} does not answer: nothing came within 1 s. Tried step by step: "
        f"port {port} of 127.0.0.1 is open; GET /v2/health/live: nothing came within 2 s"
    )


@pytest.mark.parametrize("module", ["triton_infer", "triton_generate"])
def test_a_proxy_without_a_server_behind_it(run: Any, module: str) -> None:
    asked: dict[str, Any] = {"inputs": []} if module == "triton_infer" else {"prompt": "x"}
    with odd_server(say(b"HTTP/1.1 503 No\r\n\r\nno backend")) as port:
        result = run(module, url=f"http://127.0.0.1:{port}", model="m", **asked)
    assert result["msg"] == (
        f"m: http://127.0.0.1:{port} does not answer: HTTP 503: no backend. Tried step by step: "
        f"port {port} of 127.0.0.1 is open; GET /v2/health/live: HTTP 503 (no backend)"
    )


def test_a_request_that_alone_is_not_answered(run: Any, triton: FakeTriton) -> None:
    triton.teach("/v2/models/m", {"error": "overloaded"}, status=503)
    triton.teach("/v2/health/live", b"")
    triton.teach("/v2/health/ready", b"")
    result = run("triton_infer", url=triton.url, model="m", inputs=[])
    assert result["msg"].endswith(
        "GET /v2/health/live: HTTP 200; GET /v2/health/ready: HTTP 200; "
        "so the server is there, and only that request is not answered"
    )


LABEL = {"name": "label", "shape": [2], "datatype": "BYTES", "data": ["espresso", "cup"]}


def test_infer_with_a_file(run: Any, triton: FakeTriton, tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"JPEG")
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [-1, 1]}]
    triton.teach("/v2/models/classify", {"inputs": inputs, "outputs": [LABEL]})
    triton.teach("/v2/models/classify/infer", {"outputs": [LABEL]})
    result = run("triton_infer", url=triton.url, model="classify", src=str(picture))
    assert result["outputs"] == {"label": ["espresso", "cup"]}
    assert result["shapes"] == {"label": [2]}
    _, headers, body = triton.requests[-1]
    head = json.loads(body[: int(headers["Inference-Header-Content-Length"])])
    assert head["inputs"][0]["shape"] == [1, 1]
    assert body.endswith(b"\x04\x00\x00\x00JPEG")


def test_infer_with_tensors(run: Any, triton: FakeTriton) -> None:
    output = {"name": "y", "shape": [1], "datatype": "FP32", "data": [2]}
    triton.teach("/v2/models/m", {"outputs": [output]})
    triton.teach("/v2/models/m/infer", {"outputs": [output]})
    tensor = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}
    result = run("triton_infer", url=triton.url, model="m", inputs=[tensor])
    assert result["outputs"] == {"y": [2]}


def test_infer_refuses_a_file_for_a_model_of_numbers(
    run: Any, triton: FakeTriton, tmp_path: Path
) -> None:
    inputs = [{"name": "x", "datatype": "FP32", "shape": [4]}]
    triton.teach("/v2/models/m", {"inputs": inputs, "outputs": []})
    (tmp_path / "file").touch()
    result = run("triton_infer", url=triton.url, model="m", src=str(tmp_path / "file"))
    assert result["msg"] == "m: it does not take one file: its inputs are x (FP32)"


def test_infer_refuses_a_tensor_that_is_none(run: Any, triton: FakeTriton) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1]}
    result = run("triton_infer", url=triton.url, model="m", inputs=[tensor])
    assert result["msg"].startswith("m: tensor x: the shape")
    assert triton.requests == []


def test_infer_tells_the_model_and_the_reason(run: Any, triton: FakeTriton) -> None:
    result = run("triton_infer", url=triton.url, model="m", inputs=[])
    assert result["msg"] == "m: HTTP 400: not taught: /v2/models/m"


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
