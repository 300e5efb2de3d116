"""The readiness probe's script: ready means that every model gave a golden answer."""

from __future__ import annotations

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
import yaml
from support.fake_triton import FakeTriton, events

from .conftest import CHART

INFER, STREAM = "/v2/models/m/versions/1/infer", "/v2/models/m/versions/1/generate_stream"
TENSOR = {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]}
ANSWER = {"name": "y", "datatype": "FP32", "shape": [2], "data": [2.0, 4.0]}
DOUBLE = {"endpoint": "infer", "inputs": [TENSOR], "outputs": [ANSWER]}
TEXT = {"endpoint": "generate_stream", "body": {"text_input": "x"}, "text_output": "ab"}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    # As in the pod, where both files lie in one directory.
    monkeypatch.syspath_prepend(CHART / "files")
    spec = importlib.util.spec_from_file_location("ask_golden", CHART / "files/ask_golden.py")
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
    """Return a function that writes the golden cases of models, as keywords."""

    def write(**cases: dict[str, Any]) -> Path:
        for name, case in cases.items():
            (tmp_path / name / "1").mkdir(parents=True)
            golden = {"tolerance": 0.001, "cases": [case, {**TEXT, "text_output": "not asked"}]}
            (tmp_path / name / "1" / "golden.json").write_text(json.dumps(golden))
        return tmp_path

    return write


@pytest.fixture
def probe(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs the script and returns its exit status and output."""

    def run(port: int, models: Path, timeout: float = 5) -> tuple[int, str]:
        monkeypatch.setattr(script, "PORT", port)
        monkeypatch.setenv("POD_IP", "127.0.0.1")
        arguments = ["ask_golden.py", f"--models={models}", f"--timeout={timeout}"]
        monkeypatch.setattr(sys, "argv", arguments)
        return script.main(), capsys.readouterr().out

    return run


def test_every_model_gives_its_first_golden_answer(
    probe: Any, triton: FakeTriton, models: Any
) -> None:
    triton.teach_models(m="READY", text="READY")
    triton.teach(INFER, {"outputs": [{**ANSWER, "data": [2.0005, 4.0]}]})
    stream = events({"text_output": "a"}, {"text_output": "b"})
    triton.teach("/v2/models/text/versions/1/generate_stream", stream)
    assert probe(triton.server.server_port, models(m=DOUBLE, text=TEXT)) == (0, "")
    assert [path for path, _, _ in triton.requests[1:]] == [
        INFER,
        "/v2/models/text/versions/1/generate_stream",
    ]
    _, headers, body = triton.requests[1]
    assert body[int(headers["Inference-Header-Content-Length"]) :] == b"\0\0\x80\x3f\0\0\0\x40"


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ({"error": "stub is dead"}, 500, 'HTTP 500: {"error": "stub is dead"}'),
        ({"outputs": [{**ANSWER, "data": [2.5, 4.0]}]}, 200, "output y differs by 0.5, more than"),
        ({"outputs": []}, 200, "there is no output y"),
        (b"<html>", 200, "the answer is no inference answer"),
    ],
)
def test_failing_model_is_named_with_its_reason(
    probe: Any, triton: FakeTriton, models: Any, answer: Any, status: int, reason: str
) -> None:
    triton.teach_models(m="READY", n="READY")
    triton.teach(INFER, answer, status=status)
    triton.teach("/v2/models/n/versions/1/infer", {"outputs": [ANSWER]})
    status, output = probe(triton.server.server_port, models(m=DOUBLE, n=DOUBLE))
    assert status == 1
    assert output.startswith(f"m, version 1: {reason}")
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (events({"text_output": "a"}, {"error": "out of memory"}), "the model failed: out of mem"),
        (events({"text_output": "a"}), "text_output is 'a' instead of 'ab'"),
    ],
)
def test_wrong_stream(
    probe: Any, triton: FakeTriton, models: Any, stream: bytes, reason: str
) -> None:
    triton.teach_models(m="READY")
    triton.teach(STREAM, stream)
    status, output = probe(triton.server.server_port, models(m=TEXT))
    assert status == 1
    assert output.startswith(f"m, version 1: {reason}")


def test_model_that_is_not_ready(probe: Any, triton: FakeTriton, models: Any) -> None:
    triton.teach_models(m="UNAVAILABLE")
    directory = models(m=DOUBLE)
    assert probe(triton.server.server_port, directory) == (1, "m: no version is ready\n")


def test_version_without_a_golden_answer(probe: Any, triton: FakeTriton, models: Any) -> None:
    triton.teach("/v2/repository/index", [{"name": "m", "version": "2", "state": "READY"}])
    status, output = probe(triton.server.server_port, models(m=DOUBLE))
    assert status == 1
    assert "m/2/golden.json has no golden answers" in output


def test_nothing_listens(probe: Any, models: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        status, output = probe(unused.getsockname()[1], models(m=DOUBLE))
    assert status == 1
    assert output.startswith("the server: ConnectionRefusedError")


def test_no_answer_in_time(probe: Any, models: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = probe(silent.getsockname()[1], models(m=DOUBLE), timeout=0.2)
    assert found == (1, "the server: no answer in time\n")


def test_no_golden_answer_is_no_proof(probe: Any, tmp_path: Path) -> None:
    status, output = probe(9, tmp_path)
    assert status == 1
    assert "has a golden.json" in output


def test_pod_gets_both_files(render: Any) -> None:
    objects = render()
    files = objects["ConfigMap"]["data"]
    for name in ("ask_golden.py", "golden.py"):
        assert files[name].strip() == (CHART / "files" / name).read_text("utf-8").strip()
    assert len(yaml.safe_dump(files)) < 900_000
    [container] = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "golden"]
    assert (
        container["readinessProbe"]["exec"]["command"][1] == f"{mount['mountPath']}/ask_golden.py"
    )
