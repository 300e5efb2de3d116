"""The modules onnx_export and triton_repository, as Ansible calls them."""

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


def test_export_then_pack(run: Any, file: Path, tmp_path: Path) -> None:
    dest = tmp_path / "repository"
    options = {"dest": str(dest), "models": [{"name": "same", "file": str(file)}]}
    planned = run("onnx_export", **options, _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"]
    assert planned["diff"][0]["before"] == ""
    assert not dest.exists()
    exported = run("onnx_export", **options)
    assert exported["changed"]
    assert exported["models"] == planned["models"]
    assert (exported["models"][0]["opset"], exported["models"][0]["ir_version"]) == (20, 10)
    assert run("onnx_export", **options)["changed"] is False

    source = tmp_path / "source" / "same"
    source.mkdir(parents=True)
    (source / "config.pbtxt").touch()
    packing = {
        "source": str(source.parent),
        "dest": str(dest),
        "models": ["same"],
        "keep": [model["path"] for model in exported["models"]],
    }
    assert run("triton_repository", **packing)["copied"] == ["same/config.pbtxt"]
    assert run("triton_repository", **packing)["changed"] is False
    assert run("onnx_export", **options)["changed"] is False


def test_failures_are_one_message(run: Any, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"damaged")
    options = {"dest": str(tmp_path / "repository"), "models": [{"name": "a", "file": str(file)}]}
    refused = run("onnx_export", **options)
    assert refused["failed"]
    assert refused["msg"].startswith(f"{file} is not a valid ONNX model: ")
    refused = run("triton_repository", source=str(tmp_path), dest=str(tmp_path), models=["a"])
    assert refused["failed"]
    assert refused["msg"] == f"models: {tmp_path} has no model a with a config.pbtxt"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "a"}, "one of the following is required: source, file"),
        (
            {"name": "a", "source": "b", "file": "c"},
            "parameters are mutually exclusive: source|file",
        ),
    ],
)
def test_a_model_has_one_origin(run: Any, model: dict[str, str], message: str) -> None:
    assert message in run("onnx_export", dest="d", models=[model])["msg"]
