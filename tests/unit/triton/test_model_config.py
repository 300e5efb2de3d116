"""A rendered config.pbtxt and golden answers, and what a running Triton says of them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import onnx
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils import model_config, onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.golden import HEADER_LENGTH, Golden
from google.protobuf import json_format
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30

DECLARED: dict[str, Any] = {
    "max_batch_size": 32,
    "dynamic_batching": {
        "preferred_batch_size": [4, 8],
        "max_queue_delay_microseconds": 1000,
        "priority_levels": 2,
        "default_priority_level": 1,
        "default_queue_policy": {
            "timeout_action": "DELAY",
            "default_timeout_microseconds": 500_000,
            "allow_timeout_override": True,
        },
        "priority_queue_policy": {2: {"timeout_action": "REJECT", "max_queue_size": 3}},
    },
    "instance_group": [
        {
            "kind": "KIND_AUTO",
            "count": 2,
            "rate_limiter": {
                "resources": [{"name": "core", "count": 1}, {"name": "link", "global": True}],
                "priority": 2,
            },
        }
    ],
    "version_policy": {"specific": {"versions": [1]}},
    "response_cache": {"enable": True},
    "metric_tags": {"team": "vision"},
}


def doubler() -> onnx.ModelProto:
    """Return y = 2 * x for rows of four numbers."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubler",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@dataclass
class Served:
    """A model that a running Triton has loaded."""

    address: str
    config: Any
    """What was rendered for it."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("triton")
    version = directory / "models" / "doubler" / "1"
    version.mkdir(parents=True)
    onnx.save(doubler(), version / "model.onnx")
    signature = onnx_file.signature(onnx_file.load(version / "model.onnx"))
    config = model_config.of_signature("doubler", DECLARED, signature)
    model_config.accelerate("doubler", config, "fp16")
    model_config.add_release(config, 1, "ab" * 32)
    (version.parent / "config.pbtxt").write_text(model_config.render(config))

    script = ROOT / "roles" / "local_stack" / "files" / "lay_out_triton.py"
    subprocess.run([sys.executable, script, directory], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(directory / "bin" / "tritonserver"),
        f"--model-repository={directory / 'models'}",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--rate-limit=execution_count",
        "--exit-timeout-secs=1",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/v2/models/doubler"
    try:
        wait_until_ready(address, process, directory / "log")
        yield Served(address, config)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a model is loaded, or fail with what the server says."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/ready", timeout=5):
                return
        except URLError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_server_has_the_configuration_that_was_rendered(served: Served) -> None:
    with urlopen(f"{served.address}/config", timeout=5) as answer:
        returned = json_format.ParseDict(json.load(answer), model_config.ModelConfig())
    # What Triton fills in by itself: all the rest is as it was declared.
    assert returned.platform == "onnxruntime_onnx"
    assert returned.runtime == "model.py"
    assert returned.default_model_filename == "model.onnx"
    for field in ("platform", "runtime", "default_model_filename"):
        returned.ClearField(field)
    for field in ("input_pinned_memory", "output_pinned_memory"):
        assert getattr(returned.optimization, field).enable
        returned.optimization.ClearField(field)
    [group] = returned.instance_group
    assert (group.name, group.kind) == ("doubler_0", model_config.ModelInstanceGroup.KIND_CPU)
    group.name, group.kind = "", model_config.ModelInstanceGroup.KIND_AUTO
    assert model_config.render(returned) == model_config.render(served.config)
    assert returned == served.config


@pytest.mark.parametrize(
    ("value", "reason"),
    [(6.0, None), (6.5, "output y differs by 0.5, more than the tolerance of 0.1")],
)
def test_server_gives_its_golden_answer(served: Served, value: float, reason: str | None) -> None:
    x = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [0, 1, 2, 3]}
    y = {"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [0, 2, 4, value]}
    document = {"endpoint": "infer", "inputs": [x], "outputs": [y]}
    [case] = Golden.of({"tolerance": 0.1, "cases": [document]}).cases
    headers, body = case.request()
    with urlopen(Request(f"{served.address}/{case.endpoint}", body, headers), timeout=5) as answer:
        assert case.check(answer.read(), answer.headers[HEADER_LENGTH]) == reason
