"""A real Triton, over HTTP and over gRPC: our backend in it, and health, repair and refusals.

The ONNX models here are a few nodes each. Shipped models are tested in test_pipelines.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    health as triton_health,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    model_control as triton_models,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SetupError,
    TritonClient,
    TritonError,
    wait,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import Tensor
from support.certificates import Authority
from support.real_triton import (
    BROKEN,
    DOUBLE,
    Server,
    fill,
    running,
    write_golden,
)
from support.triton_client import client
from support.triton_process import lay_out

ROOT = Path(__file__).resolve().parents[3]
LOAD_SECONDS = 30
HEALTHY = ["doubler", "speller", "victim"]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of Triton's program, below one as a user might name it."""
    directory = tmp_path_factory.mktemp("My models (all) ") / "triton"
    lay_out(directory)
    return directory


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(layout: Path, authority: Authority) -> Iterator[Server]:
    repository = layout / "models"
    fill(repository)
    explicit = ("--model-control-mode=explicit", "--load-model=*")
    with running(layout, repository, authority, *explicit) as found:
        releases = triton_health.read_releases(repository)
        healths = triton_health.wait_until_healthy(
            found.client("http"), releases, HEALTHY, LOAD_SECONDS
        )
        assert not triton_health.complaints(healths)
        yield found


@pytest.fixture(params=["http", "grpc"])
def triton(request: pytest.FixtureRequest, server: Server) -> TritonClient:
    return server.client(request.param)


def health(triton: TritonClient, directory: Path, model: str) -> triton_health.Health:
    """Ask a model once."""
    releases = triton_health.read_releases(directory)
    [found] = triton_health.wait_until_healthy(triton, releases, [model], 0)
    return found


def double(triton: TritonClient, model: str, row: list[float]) -> list[float]:
    """Ask a doubler for one row."""
    [output] = triton.infer(model, [Tensor("x", "FP32", [1, len(row)], row)])
    return list(output.values())


def change(server: Server, triton: TritonClient, model: str, **options: Any) -> dict[str, Any]:
    """Do what the module triton_model does."""
    given = {"config": {}, "golden_directory": str(server.repository), "deadline": 30, **options}
    return triton_models.run(triton, {"model": model, **given}, check_mode=False)


def test_every_request_of_a_batch_gets_its_own_rows(server: Server, triton: TritonClient) -> None:
    rows = [[float(number + offset) for offset in range(4)] for number in range(6)]
    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(lambda row: double(triton, "doubler", row), rows))
    assert answers == [[2 * value for value in row] for row in rows]
    with urllib.request.urlopen(f"{server.http}/v2/models/doubler/stats") as answer:
        [stats] = json.load(answer)["model_stats"]
    assert stats["execution_count"] < stats["inference_count"]


@pytest.mark.parametrize("model", BROKEN)
def test_configuration_that_does_not_fit_the_model_is_told(
    server: Server, triton: TritonClient, model: str
) -> None:
    found = health(triton, server.repository, model)
    assert found.state == "UNAVAILABLE"
    assert BROKEN[model][1] in found.reason


def test_corrupt_model_is_told(server: Server, triton: TritonClient) -> None:
    found = health(triton, server.repository, "corrupt")
    assert found.state == "UNAVAILABLE"
    assert "corrupt/1/model.onnx failed" in found.reason


def test_wrong_shape_is_refused(triton: TritonClient) -> None:
    with pytest.raises(TritonError, match=r"(HTTP 400|gRPC INVALID_ARGUMENT): .*unexpected shape"):
        double(triton, "doubler", [1, 2, 3])


def test_released_model_is_proven(server: Server, triton: TritonClient) -> None:
    found = health(triton, server.repository, "doubler")
    assert (found.healthy, found.golden_match, found.digest_match) == (True, True, True)
    assert found.latency_ms is not None


def test_stream_is_proven(server: Server, triton: TritonClient) -> None:
    found = health(triton, server.repository, "speller")
    assert (found.healthy, found.golden_match, found.digest_match) == (True, True, None)


def test_wrong_answer_is_told(server: Server, triton: TritonClient, tmp_path: Path) -> None:
    shutil.copytree(server.repository / "doubler", tmp_path / "doubler")
    [output] = DOUBLE["outputs"]
    wrong = {**DOUBLE, "outputs": [{**output, "data": [2.5, 4.0, 6.0, 8.0]}]}
    write_golden(tmp_path / "doubler" / "1", wrong)
    found = health(triton, tmp_path, "doubler")
    assert (found.healthy, found.golden_match) == (False, False)
    assert "output y differs by 0.5, more than the tolerance of 0.001" in found.reason


def test_other_release_is_told(server: Server, triton: TritonClient, tmp_path: Path) -> None:
    shutil.copytree(server.repository / "doubler", tmp_path / "doubler")
    (tmp_path / "doubler" / "1" / "manifest.json").write_text('{"digest": "def"}')
    found = health(triton, tmp_path, "doubler")
    assert (found.healthy, found.digest_match) == (False, False)
    assert found.reason == "serves abc, not the release def"


def test_stream_has_the_same_texts_over_both_protocols(triton: TritonClient) -> None:
    events = triton.generate_stream("speller", {"text_input": "ab", "times": 2, "user": "me"})
    assert [event["text_output"] for event in events] == ["a", "b", "a", "b"]


@pytest.mark.parametrize(("model", "protocol"), [("victim", "http"), ("speller", "grpc")])
def test_dead_model_is_ready_and_not_healthy_until_it_is_repaired(
    server: Server, model: str, protocol: str
) -> None:
    triton = server.client(protocol)
    assert not change(server, triton, model, state="repaired")["changed"]
    server.kill_stub(model)
    assert server.ready("/v2/health/ready") == 200
    assert server.ready(f"/v2/models/{model}/ready") == 200
    for each in ("http", "grpc"):
        found = health(server.client(each), server.repository, model)
        assert (found.state, found.healthy) == ("READY", False)
        assert f"Stub process '{model}_0_0' is not healthy" in found.reason
    # Triton takes a plain load of a model that it calls ready for done.
    assert not change(server, triton, model, state="loaded")["changed"]
    repaired = change(server, triton, model, state="repaired")
    assert repaired["changed"]
    assert repaired["health"][0]["healthy"]


def test_config_is_overridden_and_forgotten(server: Server, triton: TritonClient) -> None:
    smaller = {"max_batch_size": 4, "dynamic_batching": {"max_queue_delay_microseconds": 500}}
    assert change(server, triton, "victim", state="loaded", config=smaller)["changed"]
    served = triton.config("victim")
    assert served["max_batch_size"] == 4
    assert served["parameters"]["release.1"] == {"string_value": "abc"}
    assert not change(server, triton, "victim", state="loaded", config=smaller)["changed"]
    assert change(server, triton, "victim", state="unloaded")["state"] == "UNLOADED"
    assert not change(server, triton, "victim", state="unloaded")["changed"]
    assert health(triton, server.repository, "victim").state == "UNLOADED"
    assert change(server, triton, "victim", state="loaded")["changed"]
    assert triton.config("victim")["max_batch_size"] == 8


def test_config_that_does_not_fit_leaves_what_serves(server: Server, triton: TritonClient) -> None:
    config = {"input": [{"name": "z", "data_type": "TYPE_FP32", "dims": [4]}]}
    with pytest.raises(TritonError, match=r"input \['z'\] of the configuration is not in the ONNX"):
        change(server, triton, "doubler", state="loaded", config=config)
    assert health(triton, server.repository, "doubler").healthy


def test_who_asks_must_show_a_certificate(server: Server, authority: Authority) -> None:
    with pytest.raises(TritonError, match=r"; maybe it wants a client_cert$"):
        client(server.grpc, ca_path=authority.path).index()


def test_server_of_another_authority_is_not_asked(server: Server, tmp_path: Path) -> None:
    other = Authority.found(tmp_path / "other")
    with pytest.raises(SetupError, match=f"^the certificate of {server.grpc} is not trusted: "):
        client(server.grpc, **server.credentials | {"ca_path": other.path}).index()


def test_probe_of_the_pod(server: Server) -> None:
    port = server.http.rpartition(":")[2]
    program = f"import ask_golden; ask_golden.PORT = {port}; print(ask_golden.main())"
    # The probe wants all models, so it says which ones are broken and nothing of the others.
    done = subprocess.run(
        [sys.executable, "-c", program, f"--models={server.repository}", "--timeout=10"],
        env=os.environ | {"POD_IP": "127.0.0.1", "PYTHONPATH": str(ROOT / "charts/triton/files")},
        capture_output=True,
        check=True,
        text=True,
    )
    broken = sorted([*BROKEN, "corrupt"])
    expected = [f"{model}: no version is ready" for model in broken]
    assert done.stdout.splitlines() == [*expected, "1"]


@pytest.fixture(scope="module")
def fixed(layout: Path, authority: Authority) -> Iterator[Server]:
    """Run a Triton that loads nothing on demand, and tells its models to the bearer of a token."""
    (layout / "none").mkdir()
    restricted = "--http-restricted-api=model-repository:authorization=Bearer secret"
    with running(layout, layout / "none", authority, restricted) as found:
        wait(lambda: found.client("grpc").index(), lambda _: True, LOAD_SECONDS)
        yield found


def test_token_opens_a_restricted_server(fixed: Server) -> None:
    assert client(fixed.http, token="secret").index() == []
    for token in (None, "wrong"):
        with pytest.raises(TritonError, match=r"^HTTP 403: .*expecting header 'authorization'"):
            client(fixed.http, token=token).index()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_server_that_loads_nothing_on_demand_is_told(fixed: Server, protocol: str) -> None:
    triton = fixed.client("grpc") if protocol == "grpc" else client(fixed.http, token="secret")
    with pytest.raises(SetupError, match=r"start Triton with --model-control-mode=explicit$"):
        change(fixed, triton, "doubler", state="loaded")
