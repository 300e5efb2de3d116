"""Triton's client, and what counts as a healthy model."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    Canary,
    TritonClient,
    TritonError,
    TritonUnreachableError,
    read_canaries,
    wait_until_healthy,
)
from ansible_collections.mlops.gpu_platform.tests.unit.fake_triton import FakeTriton, events

REPOSITORY = Path(__file__).resolve().parents[3] / "model_repo"
INFER = Canary("infer", {"Content-Type": "application/json"}, b"{}")
STREAM = Canary("generate_stream", {"Content-Type": "application/json"}, b"{}")


class StoppedClock:
    """Stands still, except that a sleep passes at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


def test_infer_sends_tensors(triton: FakeTriton) -> None:
    triton.teach("/v2/models/tiny/infer", {"outputs": [{"name": "y", "data": [2]}]})
    tensor = {"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}
    assert TritonClient(triton.url).infer("tiny", [tensor]) == [{"name": "y", "data": [2]}]
    assert json.loads(triton.requests[0][2]) == {"inputs": [tensor]}


def test_infer_file_sends_the_bytes_behind_a_json_head(triton: FakeTriton) -> None:
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [-1, 1]}]
    triton.teach("/v2/models/classify", {"inputs": inputs})
    triton.teach("/v2/models/classify/infer", {"outputs": []})
    TritonClient(triton.url).infer_file("classify", b"JPEG")
    _, headers, body = triton.requests[1]
    head = json.loads(body[: int(headers["Inference-Header-Content-Length"])])
    assert body.endswith(b"\x04\x00\x00\x00JPEG")
    assert head["inputs"][0]["shape"] == [1, 1]
    assert head["inputs"][0]["parameters"] == {"binary_data_size": 8}


def test_infer_file_refuses_a_model_of_numbers(triton: FakeTriton) -> None:
    triton.teach("/v2/models/tiny", {"inputs": [{"name": "x", "datatype": "FP32", "shape": [4]}]})
    with pytest.raises(TritonError, match=r"tiny does not take one file: its inputs are x \(FP32"):
        TritonClient(triton.url).infer_file("tiny", b"JPEG")


def test_stream_yields_events(triton: FakeTriton) -> None:
    triton.teach(
        "/v2/models/gpt/generate_stream", events({"text_output": "a"}, {"text_output": "b"})
    )
    stream = TritonClient(triton.url).generate_stream("gpt", {"text_input": "x"})
    assert [event.fields["text_output"] for event in stream] == ["a", "b"]


def test_error_in_the_stream_is_raised(triton: FakeTriton) -> None:
    triton.teach("/v2/models/gpt/generate_stream", events({"text_output": "a"}, {"error": "no"}))
    with pytest.raises(TritonError, match=r"^no$"):
        list(TritonClient(triton.url).generate_stream("gpt", {}))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "bad input"}, "^HTTP 400: bad input$"),
        (events({"error": "bad input"}), "^HTTP 400: bad input$"),
        (b"<html>", "^HTTP 400: <html>$"),
        (b"", "^HTTP 400: no reason given$"),
    ],
)
def test_refusal_tells_the_reason(triton: FakeTriton, answer: object, reason: str) -> None:
    triton.teach("/v2/repository/index", answer, status=400)
    with pytest.raises(TritonError, match=reason):
        TritonClient(triton.url).index()


def test_answer_that_is_not_json_is_an_error(triton: FakeTriton) -> None:
    triton.teach("/v2/repository/index", b"<html>")
    with pytest.raises(TritonError, match="the answer is not JSON: b'<html>'"):
        TritonClient(triton.url).index()


def test_closed_port_is_unreachable() -> None:
    with FakeTriton() as gone:
        url = gone.url
    with pytest.raises(TritonUnreachableError, match=url):
        TritonClient(url).index()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://triton", "http://"])
def test_address_is_checked(url: str) -> None:
    with pytest.raises(ValueError, match="is not an address such as"):
        TritonClient(url)


@pytest.mark.parametrize(
    ("index", "canary", "state", "reason"),
    [
        ([{"name": "m", "version": "1", "state": "READY"}], INFER, "READY", ""),
        (
            [{"name": "m", "state": "UNAVAILABLE", "reason": "no file"}],
            INFER,
            "UNAVAILABLE",
            "no file",
        ),
        ([{"name": "m"}], INFER, "UNLOADED", "not loaded"),
        ([], INFER, "ABSENT", "not in the server's model repository"),
        ([{"name": "m", "state": "READY"}], None, "READY", "has no canary.json to ask it with"),
        (
            [
                {"name": "m", "state": "UNAVAILABLE", "reason": "old"},
                {"name": "m", "state": "READY"},
            ],
            INFER,
            "READY",
            "",
        ),
    ],
)
def test_health(
    triton: FakeTriton, index: list[dict[str, str]], canary: Canary | None, state: str, reason: str
) -> None:
    triton.teach("/v2/repository/index", index)
    triton.teach("/v2/models/m/infer", {"outputs": []})
    canaries = {"m": canary} if canary else {}
    [health] = wait_until_healthy(TritonClient(triton.url), canaries, [], 0)
    assert (health["state"], health["reason"]) == (state, reason)
    assert health["healthy"] is not bool(reason)


def test_ready_model_that_fails_its_canary_is_not_healthy(triton: FakeTriton) -> None:
    triton.teach_models(m="READY")
    triton.teach("/v2/models/m/infer", {"error": "stub is gone"}, status=500)
    [health] = wait_until_healthy(TritonClient(triton.url), {"m": INFER}, [], 0)
    assert not health["healthy"]
    assert health["reason"] == "does not answer its canary: HTTP 500: stub is gone"


def test_stream_without_events_is_not_healthy(triton: FakeTriton) -> None:
    triton.teach_models(m="READY")
    triton.teach("/v2/models/m/generate_stream", b"")
    [health] = wait_until_healthy(TritonClient(triton.url), {"m": STREAM}, [], 0)
    assert health["reason"].endswith("the stream ended without an event")


def test_waits_until_the_model_answers(triton: FakeTriton) -> None:
    clock = StoppedClock()
    ready = {"name": "m", "version": "1", "state": "READY"}
    triton.teach("/v2/repository/index", [{**ready, "state": "LOADING"}], b"starting", [ready])
    triton.teach("/v2/models/m/generate_stream", events({"text_output": "a"}))
    client = TritonClient(triton.url, clock=clock)
    [health] = wait_until_healthy(client, {"m": STREAM}, [], 60, clock)
    assert health["healthy"]
    assert clock.pauses == [0.2, 0.4]


def test_gives_up_at_the_deadline(triton: FakeTriton) -> None:
    clock = StoppedClock()
    triton.teach_models(m="UNAVAILABLE")
    [health] = wait_until_healthy(TritonClient(triton.url), {"m": INFER}, [], 10, clock)
    assert not health["healthy"]
    assert clock.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 3.8])


def test_server_that_stays_away_is_told_at_the_deadline() -> None:
    with FakeTriton() as gone:
        url = gone.url
    clock = StoppedClock()
    with pytest.raises(TritonUnreachableError):
        wait_until_healthy(TritonClient(url), {"m": INFER}, [], 3, clock)
    assert clock.now == pytest.approx(3)


def test_unknown_model_is_refused_with_the_allowed_names(triton: FakeTriton) -> None:
    triton.teach_models(a="READY", b="READY")
    with pytest.raises(ValueError, match=r"^unknown model: c; allowed are a, b$"):
        wait_until_healthy(TritonClient(triton.url), {"a": INFER}, ["a", "c"], 60, StoppedClock())


def test_shipped_canaries_are_readable() -> None:
    models = {path.parent.name for path in REPOSITORY.glob("*/config.pbtxt")}
    assert read_canaries(REPOSITORY).keys() == models


def test_canary_body_is_json_or_base64(tmp_path: Path) -> None:
    file = tmp_path / "canary.json"
    file.write_text(json.dumps({"endpoint": "infer", "body": {"a": 1}}))
    assert Canary.read(file) == Canary("infer", {}, b'{"a": 1}')
    body = base64.b64encode(b"\xff\x00").decode()
    file.write_text(json.dumps({"endpoint": "infer", "headers": {"A": "b"}, "body_base64": body}))
    assert Canary.read(file) == Canary("infer", {"A": "b"}, b"\xff\x00")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"endpoint": "infer"}',
        '{"body": {}}',
        '{"endpoint": "infer", "body_base64": "?"}',
        '{"endpoint": "explain", "body": {}}',
    ],
)
def test_file_that_is_no_canary_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "canary.json").write_text(text)
    with pytest.raises(ValueError, match=r"m/canary\.json is not a canary"):
        read_canaries(tmp_path)


def test_directory_without_canaries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no <model>/canary\.json"):
        read_canaries(tmp_path)
