"""The module model_validate, as Ansible calls it, on what onnx_export has made."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from ansible.module_utils.testing import patch_module_args


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(name: str, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(
            f"ansible_collections.mlops.gpu_platform.plugins.modules.{name}"
        )
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Return the options for a model that gives back what it gets."""
    values, same = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 3])
        for name in ("values", "same")
    )
    node = onnx.helper.make_node("Identity", ["values"], ["same"])
    graph = onnx.helper.make_graph([node], "same", [values], [same])
    opsets = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, ir_version=9, opset_imports=opsets)
    onnx.save(model, tmp_path / "same.onnx")
    return {
        "exports": str(tmp_path / "exports"),
        "chdir": str(tmp_path),
        "models": [{"name": "same", "file": "same.onnx"}],
    }


def test_export_then_check(run: Any, options: dict[str, Any]) -> None:
    planned = run("model_validate", **options, _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"]
    assert planned["diff"][0]["before"] == ""
    assert run("onnx_export", **options)["changed"]
    checked = run("model_validate", **options)
    assert checked["changed"]
    assert checked["models"][0]["digest"] == planned["models"][0]["digest"]
    assert run("model_validate", **options) == checked | {"changed": False, "changes": []}


def test_failure_is_one_message(run: Any, options: dict[str, Any]) -> None:
    refused = run("model_validate", **options)
    assert refused["failed"]
    assert refused["msg"] == (
        f"same: {options['exports']}/same/1 does not have the export of what is declared: "
        "run onnx_export first"
    )
