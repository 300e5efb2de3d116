"""config.pbtxt from a declaration and a model's signature."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    config as model_config,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
)


def tensor(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


CLASSIFIER = {
    "inputs": [tensor("image", "FP32", -1, 3, 224, 224)],
    "outputs": [tensor("logits", "FP32", -1, 1000)],
}
LANGUAGE = {
    "inputs": [tensor("input_ids", "INT64", -1, -1), tensor("position", "INT64", -1, 1)],
    "outputs": [tensor("logits", "FP32", -1, 256)],
}

WRITTEN_BY_HAND = """
name: "resnet50"
backend: "onnxruntime"
max_batch_size: 32
input [{ name: "image" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] }]
output [{ name: "logits" data_type: TYPE_FP32 dims: [ 1000 ] }]
instance_group [{ kind: KIND_AUTO count: 1 }]
dynamic_batching {
  max_queue_delay_microseconds: 1000
  default_queue_policy { max_queue_size: 256 }
}
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
model_warmup [{
  name: "zeros"
  batch_size: 1
  inputs {
    key: "image"
    value: { data_type: TYPE_FP32 dims: [ 3, 224, 224 ] zero_data: true }
  }
}]
"""


def made(document: dict[str, Any], signature: dict[str, Any] = CLASSIFIER) -> Any:
    return model_config.of_signature("resnet50", document, signature)


def refusal(document: dict[str, Any], signature: dict[str, Any] = CLASSIFIER) -> str:
    with pytest.raises(ModelError) as refused:
        made(document, signature)
    return str(refused.value)


def test_two_lines_of_a_declaration_make_what_was_written_by_hand() -> None:
    declared = {
        "max_batch_size": 32,
        "dynamic_batching": {"max_queue_delay_microseconds": 1000},
    }
    before = copy.deepcopy(declared)
    assert made(declared) == model_config.parse("resnet50", WRITTEN_BY_HAND)
    assert declared == before


def test_text_is_stable_and_comes_back() -> None:
    config, same = (
        made({"parameters": {name: {"string_value": "x"} for name in names}})
        for names in ("cab", "bca")
    )
    text = model_config.render(config)
    assert text == model_config.render(same)
    assert model_config.parse("resnet50", text) == config


def test_nothing_declared_gives_a_whole_configuration() -> None:
    config = made({})
    assert (config.max_batch_size, config.dynamic_batching.default_queue_policy.max_queue_size) == (
        model_config.MAX_BATCH_SIZE,
        model_config.MAX_QUEUE_SIZE,
    )


def test_model_without_a_batch_dimension_is_not_batched() -> None:
    config = made({}, {"inputs": [tensor("x", "BYTES", 2)], "outputs": [tensor("y", "INT8", -1)]})
    assert config.max_batch_size == 0
    assert not config.HasField("dynamic_batching")
    assert [(entry.data_type, list(entry.dims)) for entry in (*config.input, *config.output)] == [
        (model_config.DataType.Value("TYPE_STRING"), [2]),
        (model_config.DataType.Value("TYPE_INT8"), [-1]),
    ]
    assert config.model_warmup[0].batch_size == 0


def test_model_with_sequences_has_no_warm_up() -> None:
    assert not made({}, LANGUAGE).model_warmup


def test_what_is_declared_is_preserved() -> None:
    config = made(
        {
            "backend": "python",
            "output": [{"name": "logits", "label_filename": "labels.txt"}],
            "instance_group": [{"kind": "KIND_GPU", "count": 2, "gpus": [0]}],
            "dynamic_batching": {
                "preferred_batch_size": [4, 8],
                "default_queue_policy": {"default_timeout_microseconds": 5, "max_queue_size": 0},
            },
            "parameters": {"intra_op_thread_count": {"string_value": "4"}},
            "model_warmup": [],
        }
    )
    assert config.backend == "python"
    assert [list(config.output[0].dims), config.output[0].label_filename] == [[1000], "labels.txt"]
    assert [(group.count, list(group.gpus)) for group in config.instance_group] == [(2, [0])]
    assert list(config.dynamic_batching.preferred_batch_size) == [4, 8]
    assert config.dynamic_batching.default_queue_policy.max_queue_size == 0
    assert config.parameters["intra_op_thread_count"].string_value == "4"
    assert not config.model_warmup


@pytest.mark.parametrize(
    "document", [{"dynamic_batching": None}, {"sequence_batching": {"direct": {}}}]
)
def test_dynamic_batching_can_be_left_out(document: dict[str, Any]) -> None:
    assert not made(document).HasField("dynamic_batching")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"maxBatchSize": 1}, "config has no field 'maxBatchSize': did you mean max_batch_size?"),
        (
            {"dynamic_batching": {"prefered_batch_sizes": [4]}},
            "config.dynamic_batching has no field 'prefered_batch_sizes': "
            "did you mean preferred_batch_size?",
        ),
        (
            {"version_policy": {"x": {}}},
            "config.version_policy has no field 'x': allowed are latest, all, specific",
        ),
        (
            {"instance_group": [{"kind": "KIND_GPUS"}]},
            "config.instance_group.kind has no value 'KIND_GPUS': did you mean KIND_GPU?",
        ),
        (
            {"input": [{"name": "image", "format": 4}]},
            "config.input.format has no value 4: allowed are FORMAT_NONE, FORMAT_NHWC, FORMAT_NCHW",
        ),
        ({"input": {"name": "x"}}, "config.input is {'name': 'x'}: it must be a list"),
        ({"parameters": [1]}, "config.parameters is [1]: it must be a dictionary"),
        (
            {"parameters": {"threads": "1"}},
            "config.parameters is '1': it must be a dictionary",
        ),
        ({"dynamic_batching": True}, "config.dynamic_batching is True: it must be a dictionary"),
        (
            {"dynamic_batching": {"preserve_ordering": "yes"}},
            "config: Failed to parse preserve_ordering field: Expected true or false ",
        ),
        ({"max_batch_size": 1.5}, "config: Failed to parse max_batch_size field: "),
        (
            {"dynamic_batching": {}, "sequence_batching": {}},
            'config: Message type "inference.ModelConfig" should not have multiple',
        ),
        ({"name": "other"}, "the configuration has the name 'other'"),
    ],
)
def test_document_that_is_no_configuration_is_refused(
    document: dict[str, Any], message: str
) -> None:
    assert refusal(document).startswith(f"resnet50: {message}")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"input": [{"name": "image", "dims": [3, 256, 256]}]},
            "input 'image' is [-1, 3, 224, 224] in the ONNX model and [-1, 3, 256, 256] in the "
            "configuration, batch dimension included",
        ),
        (
            {"max_batch_size": 0, "output": [{"name": "logits", "dims": [1000]}]},
            "output 'logits' is [-1, 1000] in the ONNX model and [1000] in the configuration, "
            "batch dimension included",
        ),
        (
            {"output": [{"name": "logits", "data_type": "TYPE_FP16"}]},
            "output 'logits' is TYPE_FP32 in the ONNX model and TYPE_FP16 in the configuration",
        ),
        (
            {"output": [{"name": "scores"}]},
            "output ['scores'] of the configuration is not in the ONNX model, which has ['logits']",
        ),
    ],
)
def test_configuration_that_does_not_fit_is_refused(document: dict[str, Any], message: str) -> None:
    assert refusal(document) == f"resnet50: {message}"


def test_input_left_out_and_type_unknown_to_triton_are_refused() -> None:
    assert refusal({"input": [{"name": "position"}]}, LANGUAGE) == (
        "resnet50: input ['input_ids'] of the ONNX model is not in the configuration"
    )
    strange = CLASSIFIER | {"inputs": [tensor("x", "COMPLEX64", -1, 2)]}
    assert refusal({}, strange) == ("resnet50: Triton has no type for 'x', COMPLEX64 in the model")


def test_reshape_is_what_the_model_sees() -> None:
    flat = CLASSIFIER | {"outputs": [tensor("best", "INT64", -1)]}
    config = made(
        {"max_batch_size": 8, "output": [{"name": "best", "dims": [1], "reshape": {"shape": []}}]},
        flat,
    )
    assert list(config.output[0].dims) == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\nfoo: 1", 'line 3: Message type "inference.ModelConfig" has no field named "foo".'),
        ("max_batch_size: a", "line 1: 'max_batch_size: a': Couldn't parse integer: a"),
        ("input [", "line 1: '': Expected \"{\"."),
    ],
)
def test_text_that_is_no_configuration_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        model_config.parse("m", text)
    assert str(refused.value) == f"m: config.pbtxt {message}"


def test_fields_of_a_folder_are_replaced_one_by_one() -> None:
    config = model_config.of_folder(
        "resnet50", WRITTEN_BY_HAND, {"max_batch_size": 0, "dynamic_batching": None}
    )
    assert config.max_batch_size == 0
    assert not config.HasField("dynamic_batching")
    assert len(config.input) == 1
    with pytest.raises(ModelError, match="m: the configuration has the name 'resnet50'"):
        model_config.of_folder("m", WRITTEN_BY_HAND, {})


def test_release_is_named() -> None:
    config = made({})
    model_config.add_release(config, 3, "abc")
    assert config.parameters["release.3"].string_value == "abc"


@pytest.mark.parametrize(("precision", "mode"), [("fp32", "FP32"), ("fp16", "FP16")])
def test_tensorrt_gets_the_precision_and_the_range_of_batches(precision: str, mode: str) -> None:
    config = made({"max_batch_size": 16})
    model_config.accelerate("resnet50", config, precision)
    [accelerator] = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.name == "tensorrt"
    assert dict(accelerator.parameters) == {
        "precision_mode": mode,
        "trt_engine_cache_enable": "true",
        "trt_engine_cache_path": "/tmp/tensorrt/resnet50",
        "trt_profile_min_shapes": "image:1x3x224x224",
        "trt_profile_opt_shapes": "image:16x3x224x224",
        "trt_profile_max_shapes": "image:16x3x224x224",
    }
    assert model_config.parse("resnet50", model_config.render(config)) == config


def test_tensorrt_of_sequences_has_no_range_and_a_declared_one_stays() -> None:
    config = made({}, LANGUAGE)
    model_config.accelerate("resnet50", config, "fp16")
    [accelerator] = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert "trt_profile_min_shapes" not in accelerator.parameters
    accelerator.parameters["precision_mode"] = "FP32"
    model_config.accelerate("resnet50", config, "fp16")
    [accelerator] = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.parameters["precision_mode"] == "FP32"


@pytest.mark.parametrize(
    ("document", "precision", "message"),
    [
        (
            {"instance_group": [{"kind": "KIND_CPU"}]},
            "fp32",
            "resnet50: TensorRT needs a GPU, and an instance_group is KIND_CPU",
        ),
        (
            {},
            "int8",
            "resnet50: TensorRT cannot run int8 with dynamic quantisation: declare fp32 or fp16",
        ),
    ],
)
def test_tensorrt_is_refused(document: dict[str, Any], precision: str, message: str) -> None:
    with pytest.raises(ModelError) as refused:
        model_config.accelerate("resnet50", made(document), precision)
    assert str(refused.value) == message
