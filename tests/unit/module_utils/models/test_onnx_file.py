"""ONNX files: what is read of them, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
    sha256,
)

FLOAT = onnx.TensorProto.FLOAT


def make(factor: Any = (1.0, 2.0), operator: str = "Mul", **options: Any) -> onnx.ModelProto:
    """Return a model that multiplies its input."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, ["values", "factor"], ["product"])],
        "g",
        [value("values", FLOAT, ["batch", 2]), value("factor", FLOAT, [2])],
        [value("product", FLOAT, ["batch", 2])],
        [onnx.numpy_helper.from_array(numpy.array(factor, "float32"), "factor")],
    )
    opsets = [onnx.helper.make_opsetid("ai.onnx.ml", 3), onnx.helper.make_opsetid("", 18)]
    options = {"ir_version": 9, "opset_imports": opsets} | options
    return onnx.helper.make_model(graph, **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    onnx.save(make(), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def test_facts(path: Path) -> None:
    assert onnx_file.facts(path, onnx_file.load(path)) == {
        "bytes": path.stat().st_size,
        "ir_version": 9,
        "opset": 18,
        "parameters": 2,
        "sha256": sha256(path),
        "signature": {
            "inputs": [{"name": "values", "datatype": "FP32", "shape": [-1, 2]}],
            "outputs": [{"name": "product", "datatype": "FP32", "shape": [-1, 2]}],
        },
    }
    session = onnx_file.session(path)
    assert session.run(None, {"values": numpy.ones((1, 2), "float32")})[0].tolist() == [[1, 2]]


def test_a_model_of_other_operators_has_no_opset() -> None:
    assert onnx_file.opset(make(opset_imports=[onnx.helper.make_opsetid("ai.onnx.ml", 3)])) == 0


@pytest.mark.parametrize("damage", ["empty", "cut", "junk", "no such operator", "other shape"])
def test_a_damaged_file_is_refused(path: Path, damage: str) -> None:
    content = path.read_bytes()
    damaged = {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "junk": b"junk" * 100,
        "no such operator": content.replace(b"Mul", b"Mux"),
        "other shape": make(factor=(1.0, 2.0, 3.0)).SerializeToString(),
    }[damage]
    # onnx would read a file of this name as text.
    file = path.with_name("damaged.pbtxt")
    file.write_bytes(damaged)
    with pytest.raises(ModelError) as caught:
        onnx_file.load(file)
    assert str(caught.value).startswith(f"{file} is not a valid ONNX model: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_there", [True, False])
def test_weights_in_other_files_are_refused(path: Path, is_there: bool) -> None:
    onnx.save(make(), path, save_as_external_data=True, location="data", size_threshold=0)
    if not is_there:
        path.with_name("data").unlink()
    with pytest.raises(ModelError) as caught:
        onnx_file.load(path)
    assert str(caught.value) == f"{path} keeps its weights in other files: save it as one file"


def test_weights_that_are_no_numbers_are_refused(path: Path) -> None:
    onnx.save(make(factor=(1.0, float("nan"))), path)
    with pytest.raises(ModelError) as caught:
        onnx_file.load(path)
    assert str(caught.value) == f"{path} has NaN in its weights factor"
    onnx.save(make(factor=(1.0, float("inf"))), path)
    onnx_file.load(path)


def test_what_onnxruntime_cannot_run(path: Path) -> None:
    onnx.save(make(ir_version=99), path)
    with pytest.raises(ModelError) as caught:
        onnx_file.session(path)
    assert str(caught.value).startswith(f"{path} does not run in onnxruntime: ")
