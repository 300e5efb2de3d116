"""Exported models are checked, and their golden answers recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    validation as model_validation,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
    declarations,
    sha256,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import Golden, Tensor
from onnx import TensorProto, helper

SOURCE = """
import torch

class Scale(torch.nn.Module):
    def __init__(self, factor, longest, flat):
        super().__init__()
        self.factor, self.longest, self.flat = factor, longest, flat

    def forward(self, x):
        if x.shape[1] > self.longest:
            raise ValueError("too long")
        y = x * self.factor
        return y.flatten() if self.flat else y

def build(factor=2.0, longest=99, flat=False):
    def inputs(batch, length=4):
        return (torch.ones(batch, length),)
    return {
        "module": Scale(factor, longest, flat),
        "inputs": inputs,
        "input_names": ["x"],
        "output_names": ["y"],
    }
"""
GOLDEN = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 4], "data": [0, 1] * 4}]}


def network(
    *operators: str, width: int | str = 4, kind: int = TensorProto.FLOAT, batch: int | str = "batch"
) -> onnx.ModelProto:
    """Return a model that puts x through operators, each with both inputs the same."""
    names = ["x", *(f"step{index}" for index in range(1, len(operators))), "y"]
    nodes = [
        helper.make_node(operator, [given] if operator == "Identity" else [given, given], [made])
        for operator, given, made in zip(operators, names[:-1], names[1:], strict=True)
    ]
    tensors = [helper.make_tensor_value_info(name, kind, [batch, width]) for name in "xy"]
    graph = helper.make_graph(nodes, "steps", tensors[:1], tensors[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


DOUBLE = network("Add")
ONLY_BATCH_2 = helper.make_model(
    helper.make_graph(
        [
            helper.make_node("Reshape", ["x", "shape"], ["same"]),
            helper.make_node("Add", ["same", "same"], ["y"]),
        ],
        "fixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor("shape", TensorProto.INT64, [2], [2, 4])],
    ),
    opset_imports=[helper.make_opsetid("", 18)],
    ir_version=9,
)


class Place:
    """A folder with a definition and exports that were made without PyTorch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.exports = path / "exports"
        (path / "scale.py").write_text(SOURCE)
        onnx.save(DOUBLE, path / "double.onnx")

    def params(self, *models: dict[str, Any]) -> dict[str, Any]:
        given = {"chdir": str(self.path), "models": list(models)}
        checked = ArgumentSpecValidator(MODELS).validate(given)
        assert not checked.error_messages
        return {**checked.validated_parameters, "exports": str(self.exports)}

    def export(self, model: dict[str, Any], network: onnx.ModelProto = DOUBLE) -> Path:
        """Write what onnx_export would for a declaration; return the folder."""
        [declaration] = declarations(self.params(model))
        folder = declaration.below(self.exports)
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(network, folder / "model.onnx")
        record = {
            "digest": declaration.digest(),
            "sha256": sha256(folder / "model.onnx"),
            "signature": onnx_file.signature(network),
        }
        (folder / "export.json").write_text(json.dumps(record))
        return folder

    def run(self, *models: dict[str, Any], check: bool = False, diff: bool = False) -> Any:
        return model_validation.run(self.params(*models), check, diff)

    def refusal(self, model: dict[str, Any], network: onnx.ModelProto = DOUBLE) -> str:
        """Return why a model is refused; nothing may have been written."""
        folder = self.export(model, network)
        with pytest.raises(ModelError) as refused:
            self.run(model)
        assert sorted(path.name for path in folder.iterdir()) == ["export.json", "model.onnx"]
        return str(refused.value)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


FILE = {"name": "double", "file": "double.onnx"}
SCALE = {"name": "scale", "source": "scale.py:build"}


def scale(**options: Any) -> dict[str, Any]:
    return SCALE | {"source_options": options}


def test_file_is_checked_once_and_its_answers_are_recorded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither the check of a file nor the second look at anything needs PyTorch.
    monkeypatch.setitem(sys.modules, "torch", None)
    folder = place.export(FILE)
    checked = place.run(FILE)
    record = json.loads((folder / "validation.json").read_bytes())
    assert checked == {
        "changed": True,
        "changes": [{"action": "create", "type": "ModelValidation", "name": "double/1"}],
        "models": [{"name": "double", "version": 1, "tolerance": 0.001, "cases": 1, **record}],
    }
    assert record["largest_difference"] is None
    assert record["sizes"] == []
    assert record["sha256"] == sha256(folder / "model.onnx")
    assert record["golden_sha256"] == sha256(folder / "golden.json")
    [case] = Golden.read(folder / "golden.json").cases
    [given], [answer] = case.inputs, case.outputs
    assert (given.name, given.datatype, given.shape, given.seed) == ("x", "FP32", [1, 4], 0)
    values = Tensor.of_raw("x", "FP32", [1, 4], given.raw()).values()
    assert list(answer.values()) == pytest.approx([2 * value for value in values], abs=1e-8)
    again = place.run(FILE)
    assert again == checked | {"changed": False, "changes": []}


def test_pytorch_and_onnxruntime_are_compared_at_all_sizes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = scale(factor=2.0005) | {"sequence_lengths": [1, 5], "golden": [GOLDEN]}
    folder = place.export(model, network("Add", width="length"))
    [checked] = place.run(model)["models"]
    assert checked["sizes"] == [(size, length) for size in (1, 2, 3, 8) for length in (1, 5)]
    assert 0.0004 < checked["largest_difference"] <= 0.0005
    # The golden answers are PyTorch's.
    [case] = Golden.read(folder / "golden.json").cases
    assert case.outputs[0].data == pytest.approx([0, 2.0005] * 4)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert place.run(model)["changed"] is False


def test_golden_answers_of_another_precision_are_those_of_the_file(place: Place) -> None:
    model = scale(factor=2.004) | {"precision": "fp16", "tolerance": 0.01, "golden": [GOLDEN]}
    folder = place.export(model)
    assert place.run(model)["models"][0]["largest_difference"] == pytest.approx(0.004, rel=0.2)
    [case] = Golden.read(folder / "golden.json").cases
    assert case.outputs[0].data == [0, 2] * 4


def test_file_in_fp16_is_asked_in_fp16(place: Place) -> None:
    model = SCALE | {"precision": "fp16", "tolerance": 0.01}
    folder = place.export(model, network("Add", kind=TensorProto.FLOAT16))
    place.run(model)
    [case] = Golden.read(folder / "golden.json").cases
    assert [case.inputs[0].datatype, case.outputs[0].datatype] == ["FP16", "FP16"]


@pytest.mark.parametrize(
    ("model", "network", "message"),
    [
        (
            scale(factor=2.5),
            DOUBLE,
            "PyTorch and onnxruntime differ by 0.5 in output y at batch size 1, more than the "
            "tolerance of 0.001",
        ),
        (
            scale(factor=float("nan")),
            DOUBLE,
            "PyTorch and onnxruntime differ by nan in output y at batch size 1, more than the ",
        ),
        (
            scale(flat=True),
            DOUBLE,
            "output y has the shape [4] in PyTorch and [1, 4] in onnxruntime at batch size 1",
        ),
        (
            SCALE | {"batch_sizes": [2, 3]},
            ONLY_BATCH_2,
            "onnxruntime fails at batch size 3: ",
        ),
        (
            scale(longest=6) | {"sequence_lengths": [1, 7], "golden": [GOLDEN]},
            network("Add", width="length"),
            "PyTorch fails at batch size 1, sequence length 7: too long",
        ),
        (
            scale(factor=2.0004) | {"tolerance": 0.0005, "golden": [GOLDEN | {"inputs": [
                {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [9, 9, 9, 9]}
            ]}]},
            DOUBLE,
            "onnxruntime does not agree at golden case 1: output y differs by 0.0036, more than "
            "the tolerance of 0.0005",
        ),
    ],
)  # fmt: skip
def test_answers_that_differ_are_refused(
    place: Place, model: dict[str, Any], network: onnx.ModelProto, message: str
) -> None:
    assert place.refusal(model, network).startswith(f"scale: {message}")


def test_answer_that_is_no_number_is_refused(place: Place) -> None:
    # x / x is NaN at 0, then 0 / 0 at all others too.
    assert place.refusal(FILE, network("Sub", "Div")) == "double: output y is NaN at golden case 1"


def test_infinity_is_an_answer(place: Place) -> None:
    golden = {"inputs": [GOLDEN["inputs"][0] | {"data": [1e300 * 1e300, -1e300 * 1e300] * 4}]}
    model = scale(factor=2.0) | {"golden": [golden]}
    folder = place.export(model)
    place.run(model)
    [case] = Golden.read(folder / "golden.json").cases
    assert case.outputs[0].data == [float("inf"), float("-inf")] * 4


def test_file_that_is_no_model_is_refused(place: Place) -> None:
    folder = place.export(FILE)
    (folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="run onnx_export first"):
        place.run(FILE)
    record = json.loads((folder / "export.json").read_bytes())
    record["sha256"] = sha256(folder / "model.onnx")
    (folder / "export.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"double: .*/model\.onnx is not a valid ONNX model: "):
        place.run(FILE)


def test_model_has_to_be_exported_as_it_is_declared(place: Place) -> None:
    missing = f"{place.exports}/double/1 does not have the export of what is declared: "
    with pytest.raises(ModelError) as refused:
        place.run(FILE)
    assert str(refused.value) == f"double: {missing}run onnx_export first"
    place.export(FILE)
    onnx.save(network("Mul"), place.path / "double.onnx")
    with pytest.raises(ModelError) as refused:
        place.run(FILE)
    assert str(refused.value) == f"double: {missing}run onnx_export first"


def test_check_mode_tells_what_would_be_checked(place: Place) -> None:
    planned = place.run(FILE, check=True, diff=True)
    assert planned["changed"]
    assert planned["diff"][0]["before"] == ""
    assert not place.exports.exists()
    folder = place.export(FILE)
    planned = place.run(FILE, check=True)
    assert planned["changed"]
    assert planned["models"][0]["cases"] == 1
    assert "sha256" not in planned["models"][0]
    assert not (folder / "validation.json").exists()
    checked = place.run(FILE, diff=True)
    assert checked["models"][0]["digest"] == planned["models"][0]["digest"]
    assert checked["diff"] == [
        {
            "before_header": str(folder / "validation.json"),
            "after_header": str(folder / "validation.json"),
            "before": "",
            "after": (folder / "validation.json").read_text(),
        }
    ]
    assert place.run(FILE, check=True)["changed"] is False


@pytest.mark.parametrize("file", ["golden.json", "validation.json"])
@pytest.mark.parametrize("content", [None, "{}"])
def test_interrupted_or_altered_records_are_made_again(
    place: Place, file: str, content: str | None
) -> None:
    folder = place.export(FILE)
    place.run(FILE)
    before = (folder / file).read_bytes()
    (folder / file).unlink()
    if content:
        (folder / file).write_text(content)
    assert place.run(FILE)["changed"]
    assert (folder / file).read_bytes() == before
    assert place.run(FILE)["changed"] is False


@pytest.mark.parametrize(
    "changed",
    [
        {"tolerance": 0.1},
        {"golden": [GOLDEN]},
        {"config": {"max_batch_size": 4}},
        {"batch_sizes": [1]},
        {"sequence_lengths": [2]},
    ],
)
def test_changed_declaration_is_checked_again(place: Place, changed: dict[str, Any]) -> None:
    place.export(FILE)
    place.run(FILE)
    assert place.run(FILE | changed)["changed"]


def test_failed_check_leaves_the_records_of_the_one_before(place: Place) -> None:
    folder = place.export(FILE)
    place.run(FILE)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (folder / ".golden.json.partial").mkdir()
    with pytest.raises(ModelError, match=r"double: cannot write .*/golden\.json: "):
        place.run(FILE | {"tolerance": 1})
    (folder / ".golden.json.partial").rmdir()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_all_declarations_are_looked_at_first(place: Place) -> None:
    folder = place.export(FILE)
    place.export(FILE | {"name": "other"})
    with pytest.raises(ModelError, match="other: config has no field 'x'"):
        place.run(FILE, FILE | {"name": "other", "config": {"x": 1}})
    assert not (folder / "golden.json").exists()


def inputs(**changed: Any) -> dict[str, Any]:
    return {"golden": [{"inputs": [GOLDEN["inputs"][0] | changed]}]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"config": {"input": [{"name": "x", "dims": [5]}]}},
            "input 'x' is [-1, 4] in the ONNX model and [-1, 5] in the configuration, batch "
            "dimension included",
        ),
        (
            {"config": {"output": [{"name": "y", "data_type": "TYPE_FP16"}]}},
            "output 'y' is TYPE_FP32 in the ONNX model and TYPE_FP16 in the configuration",
        ),
        (
            {"config": {"input": [{"name": "z"}]}},
            "input ['z'] of the configuration is not in the ONNX model, which has ['x']",
        ),
        (
            inputs(shape=[4, 2]),
            "golden case 1: input x is FP32 [4, 2], and FP32 [-1, 4] in the configuration, "
            "batch dimension included",
        ),
        (
            inputs(datatype="FP64"),
            "golden case 1: input x is FP64 [2, 4], and FP32 [-1, 4] in the configuration, "
            "batch dimension included",
        ),
        (inputs(name="z"), "golden case 1: there is no input x"),
        (
            {"golden": [{"inputs": [*GOLDEN["inputs"], GOLDEN["inputs"][0] | {"name": "z"}]}]},
            "golden case 1: input z is not in the configuration, which has ['x']",
        ),
        (inputs(data=[1]), "golden case 1: tensor x: the shape has 8 elements, and there are 1"),
        (
            {"golden": [{"input": []}]},
            "golden case 1 is ['input']: it must be a dictionary with a list inputs, and nothing "
            "else",
        ),
    ],
)
def test_declaration_that_does_not_fit_is_refused(
    place: Place, changed: dict[str, Any], message: str
) -> None:
    assert place.refusal(FILE | changed) == f"double: {message}"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (network("Add", width="length"), "FP32 [-1]"),
        (network("Identity", kind=TensorProto.STRING), "BYTES [4]"),
    ],
)
def test_request_that_cannot_be_drawn_has_to_be_declared(
    place: Place, network: onnx.ModelProto, message: str
) -> None:
    assert place.refusal(FILE, network) == (
        f"double: golden must be declared: numbers for input x, {message}, cannot be drawn"
    )


def test_text_is_recorded_as_it_is(place: Place) -> None:
    golden = {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1, 2], "data": ["a", "é"]}]}
    model = FILE | {"golden": [golden]}
    folder = place.export(model, network("Identity", width=2, kind=TensorProto.STRING))
    place.run(model)
    [case] = Golden.read(folder / "golden.json").cases
    assert case.outputs[0].data == [b"a", "é".encode()]


CONFIG = """
backend: "python"
max_batch_size: 4
input [{ name: "x" data_type: TYPE_FP32 dims: [ 4 ] },
       { name: "k" data_type: TYPE_INT32 dims: [ 1 ] optional: true }]
output [{ name: "y" data_type: TYPE_FP32 dims: [ 4 ] }]
"""
CASE = {
    "endpoint": "infer",
    "inputs": GOLDEN["inputs"],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 4], "data": [0, 2] * 4}],
}
TEXT = {"endpoint": "generate", "body": {"text_input": "a"}, "text_output": "b"}
FOLDER = {"name": "pipeline", "folder": "pipeline"}


def fill_folder(place: Place, config: str, case: Any) -> None:
    version = place.path / "pipeline" / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(config)
    if case:
        (version / "golden.json").write_text(json.dumps({"tolerance": 0.5, "cases": [case]}))


def test_folder_is_checked_as_it_is(place: Place) -> None:
    fill_folder(place, CONFIG, CASE)
    assert place.run(FOLDER) == {
        "changed": False,
        "changes": [],
        "models": [{"name": "pipeline", "version": 1, "cases": 1, "tolerance": 0.5}],
    }


def test_folder_may_answer_with_text(place: Place) -> None:
    fill_folder(place, CONFIG.replace('"y"', '"text_output"'), TEXT)
    assert place.run(FOLDER)["models"][0]["cases"] == 1


@pytest.mark.parametrize(
    ("config", "case", "message"),
    [
        (
            CONFIG + "inputs: 1",
            CASE,
            'config.pbtxt line 7: Message type "inference.ModelConfig" has no field named',
        ),
        (CONFIG, None, "{folder}/1/golden.json has no golden answers: [Errno 2] No such file"),
        (
            CONFIG,
            {"body": 1},
            "{folder}/1/golden.json has no golden answers: case 1: endpoint is None",
        ),
        (
            CONFIG.replace("[ 4 ]", "[ 5 ]", 1),
            CASE,
            "golden case 1: input x is FP32 [2, 4], and FP32 [-1, 5] in the configuration",
        ),
        (
            CONFIG.replace('"y" data_type: TYPE_FP32', '"y" data_type: TYPE_FP16'),
            CASE,
            "golden case 1: output y is FP32 [2, 4], and FP16 [-1, 4] in the configuration",
        ),
        (
            CONFIG,
            TEXT,
            "golden case 1: generate needs an output text_output, and the configuration has ['y']",
        ),
    ],
)
def test_folder_that_is_wrong_is_refused(
    place: Place, config: str, case: Any, message: str
) -> None:
    fill_folder(place, config, case)
    with pytest.raises(ModelError) as refused:
        place.run(FOLDER)
    folder = place.path / "pipeline"
    assert str(refused.value).startswith(f"pipeline: {message.format(folder=folder)}")
