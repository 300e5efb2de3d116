"""What counts as a healthy model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SetupError,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import GoldenError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.health import (
    Health,
    Releases,
    read_releases,
    wait_until_healthy,
)
from support.fake_triton import FakeTriton, events
from support.triton_client import StoppedClock, client

INFER = "/v2/models/m/versions/1/infer"
CONFIG = "/v2/models/m/versions/1/config"
TENSOR = {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]}
ANSWER = {"name": "y", "datatype": "FP32", "shape": [2], "data": [2.0, 4.0]}
DOUBLE = {"endpoint": "infer", "inputs": [TENSOR], "outputs": [ANSWER]}
TEXT = {"endpoint": "generate_stream", "body": {"text_input": "x"}, "text_output": "ab"}
READY = {"name": "m", "version": "1", "state": "READY"}


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


def release(
    directory: Path, *cases: dict[str, Any], version: int = 1, manifest: Any = None
) -> Releases:
    """Write a version of the model m, and read all that was written."""
    path = directory / "m" / str(version)
    path.mkdir(parents=True)
    (path / "golden.json").write_text(json.dumps({"tolerance": 0.001, "cases": cases}))
    if manifest is not None:
        (path / "manifest.json").write_text(json.dumps(manifest))
    return read_releases(directory)


def health(triton: FakeTriton, releases: Releases) -> Health:
    """Ask once, and return the one thing that was found."""
    [found] = wait_until_healthy(client(triton.url), releases, [], 0)
    return found


@pytest.mark.parametrize(
    ("index", "state", "reason"),
    [
        ([READY], "READY", ""),
        ([{**READY, "state": "UNAVAILABLE", "reason": "no file"}], "UNAVAILABLE", "no file"),
        ([{**READY, "state": "LOADING"}], "LOADING", "not ready"),
        ([{"name": "m"}], "UNLOADED", "not loaded"),
        ([{**READY, "state": "UNAVAILABLE", "reason": "unloaded"}], "UNLOADED", "not loaded"),
        ([], "ABSENT", "not in the server's model repository"),
        ([{**READY, "version": "2"}], "READY", "version 2 has no golden.json to ask it with"),
        # The version before, which the server has unloaded since.
        (
            [{"name": "m", "version": "0", "state": "UNAVAILABLE", "reason": "unloaded"}, READY],
            "READY",
            "",
        ),
    ],
)
def test_state(
    triton: FakeTriton, tmp_path: Path, index: list[dict[str, str]], state: str, reason: str
) -> None:
    triton.teach("/v2/repository/index", index)
    triton.teach(INFER, {"outputs": [ANSWER]})
    found = health(triton, release(tmp_path, DOUBLE))
    assert (found.state, found.reason) == (state, reason)
    assert found.healthy is not bool(reason)


def test_new_version_that_does_not_load_is_told_beside_the_one_that_serves(
    triton: FakeTriton, tmp_path: Path
) -> None:
    broken = {"name": "m", "version": "2", "state": "UNAVAILABLE", "reason": "no file"}
    triton.teach("/v2/repository/index", [READY, broken])
    triton.teach(INFER, {"outputs": [ANSWER]})
    found = wait_until_healthy(client(triton.url), release(tmp_path, DOUBLE), [], 0)
    assert [(each.version, each.healthy) for each in found] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([2.0005, 4.0], ""),
        ([2.5, 4.0], "golden case 1: output y differs by 0.5, more than the tolerance of 0.001"),
    ],
)
def test_answer_is_compared(
    triton: FakeTriton, tmp_path: Path, answer: list[float], reason: str
) -> None:
    triton.teach_models(m="READY")
    triton.teach(INFER, {"outputs": [{**ANSWER, "data": answer}]})
    found = health(triton, release(tmp_path, DOUBLE))
    assert found.reason == reason
    assert found.golden_match is found.healthy is not bool(reason)
    assert found.latency_ms is not None
    assert found.digest_match is None


def test_every_case_is_asked(triton: FakeTriton, tmp_path: Path) -> None:
    triton.teach_models(m="READY")
    triton.teach(INFER, {"outputs": [ANSWER]})
    triton.teach("/v2/models/m/versions/1/generate_stream", events({"text_output": "b"}))
    found = health(triton, release(tmp_path, DOUBLE, TEXT))
    assert found.reason == "golden case 2: text_output is 'b' instead of 'ab'"


def test_ready_model_that_fails_is_not_healthy(triton: FakeTriton, tmp_path: Path) -> None:
    triton.teach_models(m="READY")
    triton.teach(INFER, {"error": "stub is gone"}, status=500)
    found = health(triton, release(tmp_path, DOUBLE))
    assert not found.healthy
    assert found.reason == "does not answer: HTTP 500: stub is gone"
    assert (found.golden_match, found.latency_ms) == (None, None)


def test_model_that_is_silent_is_told_beside_the_server_that_is_not(
    triton: FakeTriton, tmp_path: Path
) -> None:
    triton.teach_models(m="READY")
    triton.teach(INFER, {"error": "queue is full"}, status=503)
    found = health(triton, release(tmp_path, DOUBLE))
    assert found.reason == (
        "does not answer, though the server calls it READY: HTTP 503: queue is full"
    )


@pytest.mark.parametrize(
    ("parameters", "match", "reason"),
    [
        ({"release.1": {"string_value": "abc"}}, True, ""),
        ({"release.1": {"string_value": "old"}}, False, "serves old, not the release abc"),
        ({"release.2": {"string_value": "abc"}}, False, "serves no release, not the release abc"),
    ],
)
def test_served_configuration_names_the_release(
    triton: FakeTriton, tmp_path: Path, parameters: dict[str, Any], match: bool, reason: str
) -> None:
    triton.teach_models(m="READY")
    triton.teach(CONFIG, {"parameters": parameters})
    triton.teach(INFER, {"outputs": [ANSWER]})
    found = health(triton, release(tmp_path, DOUBLE, manifest={"digest": "abc"}))
    assert (found.digest_match, found.healthy, found.reason) == (match, match, reason)


def test_waits_until_the_model_answers(triton: FakeTriton, tmp_path: Path) -> None:
    clock = StoppedClock()
    triton.teach("/v2/repository/index", [{**READY, "state": "LOADING"}], b"starting", [READY])
    triton.teach(INFER, {"outputs": []}, {"outputs": [ANSWER]})
    releases = release(tmp_path, DOUBLE)
    [found] = wait_until_healthy(client(triton.url), releases, [], 60, clock)
    assert found.healthy
    assert clock.pauses == [0.2, 0.4, 0.8]


def test_gives_up_at_the_deadline(triton: FakeTriton, tmp_path: Path) -> None:
    clock = StoppedClock()
    triton.teach_models(m="UNAVAILABLE")
    releases = release(tmp_path, DOUBLE)
    [found] = wait_until_healthy(client(triton.url), releases, [], 10, clock)
    assert not found.healthy
    assert clock.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 3.8])


def test_server_that_stays_away_is_told_at_the_deadline(tmp_path: Path) -> None:
    with FakeTriton() as gone:
        url = gone.url
    clock = StoppedClock()
    with pytest.raises(TritonError, match="does not answer"):
        wait_until_healthy(client(url), release(tmp_path, DOUBLE), [], 3, clock)
    assert clock.now == pytest.approx(3)


def test_unknown_model_is_refused_at_once_with_the_allowed_names(
    triton: FakeTriton, tmp_path: Path
) -> None:
    triton.teach_models(a="READY")
    clock = StoppedClock()
    releases = release(tmp_path, DOUBLE)
    with pytest.raises(SetupError, match=r"^unknown model: c; allowed are a, m$"):
        wait_until_healthy(client(triton.url), releases, ["a", "c"], 60, clock)
    assert clock.pauses == []


def test_file_that_is_not_golden_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r"m/1/golden\.json has no golden answers"):
        release(tmp_path)


@pytest.mark.parametrize("manifest", [{}, []])
def test_manifest_without_a_digest_is_refused(tmp_path: Path, manifest: Any) -> None:
    with pytest.raises(SetupError, match=r"m/1/manifest\.json has no digest"):
        release(tmp_path, DOUBLE, manifest=manifest)


def test_directory_without_golden_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"has no <model>/<version>/golden\.json$"):
        read_releases(tmp_path)
