"""The models that are measured: declared, exported, released and packed as the platform does it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper
from support.playbook_run import ROOT

from .module_process import run_module

CACHE = ROOT / ".local" / "benchmarks"
CORES = os.cpu_count() or 1
TINY_WIDTH = 64
AN_INSTANCE_PER_CORE = {"instance_group": [{"kind": "KIND_AUTO", "count": CORES}]}


def shipped(name: str, /, **changes: Any) -> dict[str, Any]:
    """Return the collection's declaration of a model, with some keys changed."""
    path = ROOT / "roles" / "model_repository" / "vars" / "main.yml"
    text = path.read_text("utf-8").replace("{{ _model_repository_collection }}", str(ROOT))
    declared = yaml.safe_load(text)["_model_repository_shipped"]
    [model] = [model for model in declared if model["name"] == name]
    return model | changes


def tiny() -> dict[str, Any]:
    """Declare one matrix product: all that a request takes is the way to the model and back."""
    weights = np.random.default_rng(0).standard_normal((TINY_WIDTH, 10), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", TINY_WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    CACHE.mkdir(parents=True, exist_ok=True)
    onnx.save(model, CACHE / "tiny.onnx")
    return {"name": "tiny", "file": str(CACHE / "tiny.onnx"), "config": {"max_batch_size": 32}}


def export(*models: dict[str, Any], exports: Path = CACHE / "exports") -> list[dict[str, Any]]:
    """Return the records of models' ONNX files, with the path of each; what is there stays."""
    records: list[dict[str, Any]] = run_module(
        "onnx_export", models=list(models), exports=str(exports)
    )["models"]
    return records


def pack(folder: Path, *models: dict[str, Any]) -> Path:
    """Return a Triton model repository of models, made below a folder."""
    given = {"models": list(models)}
    exports, releases, repository = CACHE / "exports", folder / "releases", folder / "models"
    export(*models)
    run_module("model_validate", **given, exports=str(exports))
    run_module("model_release", **given, exports=str(exports), releases=str(releases))
    run_module("triton_repository", **given, releases=str(releases), dest=str(repository))
    return repository
