"""The module onnx_export, as Ansible calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.modules import onnx_export


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(**options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            onnx_export.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return an ONNX file that gives back what it gets."""
    values = onnx.helper.make_tensor_value_info("values", onnx.TensorProto.FLOAT, ["batch", 3])
    same = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, ["batch", 3])
    node = onnx.helper.make_node("Identity", ["values"], ["same"])
    graph = onnx.helper.make_graph([node], "same", [values], [same])
    opsets = [onnx.helper.make_opsetid("", 20)]
    path = tmp_path / "same.onnx"
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=opsets), path)
    return path


def test_check_mode_then_export_then_again(run: Any, file: Path, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    options = {
        "exports": str(exports),
        "triton_image": "25.06-py3",
        "models": [{"name": "same", "file": str(file)}],
    }
    planned = run(**options, _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"]
    assert planned["diff"][0]["before"] == ""
    assert not exports.exists()
    exported = run(**options)
    assert exported["changed"]
    assert exported["models"] == planned["models"]
    (model,) = exported["models"]
    assert (model["opset"], model["ir_version"], model["random_weights"]) == (20, 10, False)
    again = run(**options)
    assert again["changed"] is False
    assert again["models"] == exported["models"]


def test_failures_are_one_message(run: Any, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"damaged")
    refused = run(exports=str(tmp_path / "exports"), models=[{"name": "a", "file": str(file)}])
    assert refused["failed"]
    assert refused["msg"].startswith(f"a: {file} is not a valid ONNX model: ")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "a"}, "one of the following is required: source, file, folder"),
        (
            {"name": "a", "source": "b", "file": "c"},
            "parameters are mutually exclusive: source|file|folder",
        ),
    ],
)
def test_a_model_has_one_origin(run: Any, model: dict[str, str], message: str) -> None:
    assert message in run(exports="d", models=[model])["msg"]
