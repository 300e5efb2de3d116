"""fp16 and int8: what is converted, what it costs, and where that is too much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    Declaration,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.precision import (
    convert,
    example_inputs,
    measure,
    runner,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.source import Definition


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a convolution of sequences and a matrix multiplication, looked up by integers."""
    draw = numpy.random.default_rng(0)
    shapes = {"table": (5, 8), "kernel": (8, 8, 3), "matrix": (8, 4), "bias": (4,)}
    weights = [
        onnx.numpy_helper.from_array(draw.normal(size=shape).astype("float32"), name)
        for name, shape in shapes.items()
    ]
    node = onnx.helper.make_node
    nodes = [
        node("Gather", ["table", "ids"], ["rows"]),
        node("Transpose", ["rows"], ["columns"], perm=[0, 2, 1]),
        node("Conv", ["columns", "kernel"], ["mixed"], pads=[1, 1]),
        node("ReduceMean", ["mixed"], ["mean"], axes=[2], keepdims=0),
        node("Gemm", ["mean", "matrix", "bias"], ["product"]),
        node("Mul", ["product", "factor"], ["scores"]),
    ]
    value = onnx.helper.make_tensor_value_info
    inputs = [
        value("ids", onnx.TensorProto.INT64, ["batch", "length"]),
        value("factor", onnx.TensorProto.FLOAT, ["batch", 1]),
    ]
    outputs = [value("scores", onnx.TensorProto.FLOAT, ["batch", 4])]
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs, weights)
    opsets = [onnx.helper.make_opsetid("", 17)]
    path = tmp_path_factory.mktemp("fp32") / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
    return path


def declaration(**changes: Any) -> Declaration:
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()}
    return Declaration.of(model | {"name": "m", "file": "m.onnx"} | changes, Path())


def types(path: Path) -> dict[str, str]:
    """Return the type of each weight of a file."""
    return {
        tensor.name: onnx.TensorProto.DataType.Name(tensor.data_type)
        for tensor in onnx_file.load(path).graph.initializer
    }


@pytest.mark.parametrize("keep_io_types", [True, False])
def test_fp16(fp32: Path, tmp_path: Path, keep_io_types: bool) -> None:
    path = tmp_path / "model.onnx"
    convert(fp32, path, "fp16", keep_io_types)
    assert set(types(path).values()) == {"FLOAT16"}
    signature = onnx_file.signature(onnx_file.load(path))
    datatypes = [tensor["datatype"] for tensor in signature["inputs"] + signature["outputs"]]
    kind = "FP32" if keep_io_types else "FP16"
    assert datatypes == ["INT64", kind, kind]
    made = measure(declaration(precision="fp16"), fp32, path, None)
    assert 0 < made["loss"] < 0.002
    assert made["exported"] == 1 - made["loss"]


def test_int8_takes_matrices_and_leaves_convolutions(fp32: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    convert(fp32, path, "int8", keep_io_types=True)
    quantised = {name for name, kind in types(path).items() if kind == "INT8"}
    assert quantised == {"matrix_quantized", "matrix_zero_point"}
    assert types(path)["kernel"] == "FLOAT"
    scales = next(t for t in onnx.load(path).graph.initializer if t.name == "matrix_scale")
    assert list(scales.dims) == [4]
    made = measure(declaration(precision="int8", max_accuracy_loss=0.05), fp32, path, None)
    assert 0 < made["loss"] < 0.05
    with pytest.raises(ModelError) as caught:
        measure(declaration(precision="int8", max_accuracy_loss=0.0001), fp32, path, None)
    assert str(caught.value) == (
        f"int8 costs {made['loss']:.4g} of agreement with fp32 ({made['exported']:.4g} instead of "
        "1), more than max_accuracy_loss of 0.0001"
    )


def definition(evaluate: Any) -> Definition:
    return Definition(None, lambda *_: (), [], [], {}, False, evaluate)


def test_the_models_own_measure_counts(fp32: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    convert(fp32, path, "int8", keep_io_types=True)
    asked = []

    def evaluate(run: Any) -> tuple[str, float]:
        ids, factor = numpy.zeros((2, 3), numpy.int64), numpy.ones((2, 1), numpy.float32)
        asked.append(run(ids, factor)[0])
        return "top-1", 0.75 if len(asked) % 2 else 0.5

    allowed = declaration(precision="int8", max_accuracy_loss=0.25)
    assert measure(allowed, fp32, path, definition(evaluate)) == {
        "metric": "top-1",
        "fp32": 0.75,
        "exported": 0.5,
        "loss": 0.25,
    }
    before, after = asked
    assert not numpy.array_equal(before, after)
    numpy.testing.assert_allclose(before, after, atol=0.2)


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        (lambda run: ("top-1", float("nan")), "int8 costs nan of top-1"),
        (lambda run: 0.5, "evaluate of the source fails: TypeError: "),
        (lambda run: run(numpy.zeros(1)), "evaluate of the source fails: ValueError: zip"),
        (
            lambda run: run(numpy.zeros((1, 1)), numpy.zeros((1, 1), numpy.float32)),
            "fails in onnxruntime: ",
        ),
    ],
)
def test_a_measure_that_fails(fp32: Path, evaluate: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        measure(declaration(precision="int8"), fp32, fp32, definition(evaluate))
    assert message in str(caught.value)


def test_example_inputs(fp32: Path) -> None:
    ids, factor = example_inputs(declaration(sequence_lengths=[5, 9]), fp32, None)
    assert (ids.shape, ids.dtype) == ((8, 5), numpy.int64)
    assert (factor.shape, factor.dtype) == ((8, 1), numpy.float32)
    request = {
        "inputs": [
            {"name": "factor", "datatype": "FP32", "shape": [1, 1], "data": [0.5]},
            {"name": "ids", "datatype": "INT64", "shape": [1, 3], "data": [4, 0, 2]},
        ]
    }
    ids, factor = example_inputs(declaration(golden=[request]), fp32, None)
    assert (ids.tolist(), factor.tolist()) == ([[4, 0, 2]], [[0.5]])
    assert runner(fp32)(ids, factor)[0].shape == (1, 4)
    for golden, message in (
        ([{"inputs": request["inputs"][:1]}], "golden: the first request has no input ids"),
        ([{"inputs": [*request["inputs"][:1], {"name": "ids"}]}], "golden: tensor ids: datatype"),
    ):
        with pytest.raises(ModelError, match=message):
            example_inputs(declaration(golden=golden), fp32, None)
