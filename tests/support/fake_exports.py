"""Small models as the steps before a release leave them: exported and validated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODEL,
    Declaration,
    sha256,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.validation import (
    Validation,
)


def entry(**given: Any) -> dict[str, Any]:
    """Return an entry of a module's models as Ansible completes it."""
    return {name: option.get("default") for name, option in MODEL.items()} | given


def scale(factor: float) -> onnx.ModelProto:
    """Return y = factor * x for rows of three numbers."""
    tensors = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 3])
        for name in ("x", "y")
    ]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["x", "factor"], ["y"])],
        "scale",
        tensors[:1],
        tensors[1:],
        [onnx.helper.make_tensor("factor", onnx.TensorProto.FLOAT, [1], [factor])],
    )
    opsets = [onnx.helper.make_opsetid("", 18)]
    return onnx.helper.make_model(graph, ir_version=9, opset_imports=opsets)


class Workshop:
    """A folder with sources, exports and releases, and the parameters of a module for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports = folder / "exports"
        self.releases = folder / "releases"
        self.dest = folder / "models"

    def source(self, factor: float = 2.0) -> None:
        """Write the source of the model `scale`; another factor makes another model."""
        text = f"def build():\n    return {factor}\n"
        (self.folder / "scale.py").write_text(text)

    def declare(self, version: int = 1, **given: Any) -> dict[str, Any]:
        """Return the declaration of one version of the model `scale`."""
        return entry(**{"name": "scale", "version": version, "source": "scale.py:build"} | given)

    def export(
        self, model: dict[str, Any], factor: float = 2.0, rounding: float = 0.0, **facts: Any
    ) -> None:
        """Do what the modules onnx_export and model_validate do for an entry.

        Golden answers differ by rounding from those of another processor.
        """
        if model["source"]:
            self.source(factor)
        declaration = Declaration.of(model, self.folder)
        folder = declaration.below(self.exports)
        folder.mkdir(parents=True, exist_ok=True)
        proto, file = scale(factor), folder / "model.onnx"
        onnx.save(proto, file)
        golden = folder / "golden.json"
        write_golden(golden, model["tolerance"], [factor, 2 * factor, 3 * factor + rounding])
        export = onnx_file.facts(file, proto) | {
            "digest": declaration.digest(),
            "opset_asked": model["opset"],
            "precision": model["precision"],
            "random_weights": False,
            "accuracy": None,
            "packages": {"onnx": onnx.__version__},
            "source": model["source"],
        }
        write(folder / "export.json", export | facts)
        validation = {
            "sha256": sha256(file),
            "digest": Validation(declaration, self.exports).digest(),
            "largest_difference": 0.0,
            "sizes": [1, 2],
            "golden_sha256": sha256(golden),
        }
        write(folder / "validation.json", validation)

    def folder_model(self, name: str = "labels", text: str = "cat\ndog\n", **config: str) -> Any:
        """Write a Triton model that is served as it is, and return its declaration."""
        version = self.folder / name / "1"
        (version / "__pycache__").mkdir(parents=True, exist_ok=True)
        (version / "__pycache__" / "model.pyc").touch()
        (version / "labels.txt").write_text(text)
        write_golden(version / "golden.json", 0.5, [2.0, 4.0, 6.0])
        (version.parent / "config.pbtxt").write_text(config.get("config", 'backend: "python"\n'))
        return entry(name=name, folder=name)

    def releasing(self, *models: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Return the parameters of model_release."""
        return {
            "chdir": str(self.folder),
            "models": list(models),
            "exports": str(self.exports),
            "releases": str(self.releases),
            "keep": 5,
            "repository": str(self.dest),
            "served_by": [],
        } | options

    def packing(self, *models: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Return the parameters of triton_repository."""
        return {
            "chdir": str(self.folder),
            "models": list(models),
            "releases": str(self.releases),
            "dest": str(self.dest),
            "tensorrt": False,
        } | options


def write_golden(path: Path, tolerance: float, answer: list[float]) -> None:
    """Write a golden.json of one case."""
    case = {
        "endpoint": "infer",
        "inputs": [tensor("x", [1.0, 2.0, 3.0])],
        "outputs": [tensor("y", answer)],
    }
    write(path, {"tolerance": tolerance, "cases": [case]})


def tensor(name: str, data: list[float]) -> dict[str, Any]:
    """Return one row of three numbers as golden.json has it."""
    return {"name": name, "datatype": "FP32", "shape": [1, 3], "data": data}


def write(path: Path, document: Any) -> None:
    """Write JSON."""
    path.write_text(json.dumps(document))


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder by path, but not the lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
