"""A rendered config.pbtxt and golden answers, and what a running Triton says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import onnx
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    config as model_config,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import (
    HEADER_LENGTH,
    Golden,
)
from google.protobuf import json_format
from support.real_triton import doubler
from support.triton_process import lay_out, running_triton

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

    lay_out(directory)
    limit = "--rate-limit=execution_count"
    with running_triton(directory, directory / "models", limit) as triton:
        triton.wait_until_ready("/v2/models/doubler/ready")
        yield Served(f"{triton.url}/v2/models/doubler", config)


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
