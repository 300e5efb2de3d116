"""The readiness probe's script: ready means that every model answered."""

from __future__ import annotations

import base64
import importlib.util
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.tests.unit.fake_triton import FakeTriton, events

from .conftest import CHART

INFER, STREAM = "/v2/models/m/infer", "/v2/models/m/generate_stream"


@pytest.fixture
def canary() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("canary", CHART / "files/canary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


@pytest.fixture
def models(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the canaries of models, as keywords."""

    def write(**canaries: dict[str, Any]) -> Path:
        for name, content in canaries.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "canary.json").write_text(json.dumps(content))
        return tmp_path

    return write


@pytest.fixture
def probe(
    canary: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs the script and returns its exit status and output."""

    def run(port: int, models: Path, timeout: float = 5) -> tuple[int, str]:
        monkeypatch.setattr(canary, "PORT", port)
        monkeypatch.setenv("POD_IP", "127.0.0.1")
        arguments = ["canary.py", f"--models={models}", f"--timeout={timeout}"]
        monkeypatch.setattr(sys, "argv", arguments)
        return canary.main(), capsys.readouterr().out

    return run


def test_every_model_answers(probe: Any, triton: FakeTriton, models: Any) -> None:
    triton.teach(INFER, {"outputs": []})
    triton.teach("/v2/models/raw/infer", {"outputs": []})
    triton.teach("/v2/models/text/generate_stream", events({"text": "a"}, {"text": "b"}))
    directory = models(
        m={"endpoint": "infer", "body": {"inputs": []}},
        raw={
            "endpoint": "infer",
            "headers": {"Inference-Header-Content-Length": "0"},
            "body_base64": base64.b64encode(b"\0\1").decode(),
        },
        text={"endpoint": "generate_stream", "body": {"text_input": "x"}},
    )
    assert probe(triton.server.server_port, directory) == (0, "")
    bodies = {path: body for path, _, body in triton.requests}
    assert json.loads(bodies[INFER]) == {"inputs": []}
    assert bodies["/v2/models/raw/infer"] == b"\0\1"
    headers = {path: headers for path, headers, _ in triton.requests}
    assert headers["/v2/models/raw/infer"]["Inference-Header-Content-Length"] == "0"


def test_failing_model_is_named_with_its_reason(
    probe: Any, triton: FakeTriton, models: Any
) -> None:
    triton.teach(INFER, {"error": "stub is dead"}, status=500)
    triton.teach("/v2/models/n/infer", {"outputs": []})
    directory = models(m={"endpoint": "infer", "body": {}}, n={"endpoint": "infer", "body": {}})
    status, output = probe(triton.server.server_port, directory)
    assert status == 1
    assert output == 'm: HTTP 500: {"error": "stub is dead"}\n'


def test_error_inside_a_stream(probe: Any, triton: FakeTriton, models: Any) -> None:
    triton.teach(STREAM, events({"text": "a"}, {"error": "out of memory"}))
    directory = models(m={"endpoint": "generate_stream", "body": {}})
    assert probe(triton.server.server_port, directory) == (1, "m: out of memory\n")


def test_nothing_listens(probe: Any, models: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        status, output = probe(unused.getsockname()[1], models(m={"endpoint": "infer", "body": {}}))
    assert status == 1
    assert output.startswith("m: ConnectionRefusedError")


def test_no_answer_in_time(probe: Any, models: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        directory = models(m={"endpoint": "infer", "body": {}})
        assert probe(silent.getsockname()[1], directory, timeout=0.2) == (
            1,
            "m: no answer in time\n",
        )


def test_no_canary_is_no_proof(probe: Any, tmp_path: Path) -> None:
    status, output = probe(9, tmp_path)
    assert status == 1
    assert "has a canary.json" in output
