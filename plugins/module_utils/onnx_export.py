"""From a PyTorch definition, or an ONNX file, to a checked model.onnx in a Triton repository.

torch costs seconds to import, so nothing here imports it before an export has to happen: what a
file was made from is recorded beside it, and comparing that is enough to leave the file alone.
"""

from __future__ import annotations

import ast
import hashlib
import json
import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

CHECKERS = ("onnx", "onnxruntime")
EXPORTERS = (*CHECKERS, "onnxscript", "torch")
DEFINITION = (
    "module",
    "inputs",
    "input_names",
    "output_names",
    "dynamic_shapes",
    "random_weights",
)
"""What a source's function returns; the module onnx_export documents it."""
SOURCE_ERRORS = (
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
"""What Python, torch and a weights file raise when a definition is at fault."""


class ExportError(Exception):
    """No model.onnx can be made; the message says why."""


def one_line(error: Exception) -> str:
    """Return the beginning of an error's text, torch's can be pages, as one line."""
    return " ".join(str(error).split())[:500]


@dataclass(frozen=True)
class Request:
    """What to export, how, and where to."""

    name: str
    dest: Path
    origin: Path
    """A Python file, or an ONNX file."""
    function: str
    """What to call of the Python file; empty for an ONNX file."""
    weights: Path | None
    source_options: dict[str, Any]
    requirements: list[str]
    opset: int
    batch_sizes: list[int]
    tolerance: float

    @classmethod
    def of(cls, model: dict[str, Any], repository: Path, folder: Path) -> Request:
        """Read one entry of the module's models; its paths are relative to folder.

        Raises:
            ExportError: a path does not exist, or source names no function of its file.
        """
        given, function = model["file"], ""
        if model["source"]:
            given, _, function = model["source"].partition(":")
        origin = folder / given
        weights = folder / model["weights"] if model["weights"] else None
        files = {"source" if model["source"] else "file": origin, "weights": weights}
        for option, file in files.items():
            if file and not file.is_file():
                raise ExportError(f"{option}: there is no file {file}")
        if model["source"]:
            check_function(origin, function)
        names = ("source_options", "requirements", "opset", "batch_sizes", "tolerance")
        return cls(
            name=model["name"],
            dest=repository / model["name"] / str(model["version"]) / "model.onnx",
            origin=origin,
            function=function,
            weights=weights,
            **{name: model[name] for name in names},
        )

    def digest(self) -> str:
        """Return the sha256 of all that the exported file depends on.

        Raises:
            ExportError: a Python package that the export needs is not installed.
        """
        packages = [*(EXPORTERS if self.function else CHECKERS), *self.requirements]
        inputs = asdict(self) | {
            "name": None,
            "dest": None,
            "origin": sha256(self.origin),
            "weights": self.weights and sha256(self.weights),
            "requirements": {name: installed_version(name) for name in packages},
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return a file's sha256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_version(package: str) -> str:
    """Return the version of an installed distribution.

    Raises:
        ExportError: it is not installed.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise ExportError(
            f"the Python package {package} is not installed for {sys.executable}"
        ) from error


def check_function(source: Path, function: str) -> None:
    """Find a top-level function in a Python file without running the file.

    Raises:
        ExportError: the file is no Python, or has no such function.
    """
    try:
        tree = ast.parse(source.read_bytes(), str(source))
    except SyntaxError as error:
        raise ExportError(f"source: {source} is not Python: {error}") from error
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if function not in functions:
        raise ExportError(
            f"source: {source} has no function {function!r}; it has: {', '.join(functions)}"
        )


def manifest_path(dest: Path) -> Path:
    """Return where the record of how dest was made lies."""
    return dest.with_name(f"{dest.name}.json")


def dumps(manifest: dict[str, Any]) -> str:
    """Return a manifest as it is stored."""
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def read_manifest(dest: Path) -> dict[str, Any]:
    """Return the record of how dest was made, empty where it is missing or unreadable."""
    try:
        manifest = json.loads(manifest_path(dest).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def is_current(manifest: dict[str, Any], digest: str, dest: Path) -> bool:
    """Tell whether dest is, byte for byte, what these inputs gave."""
    return (
        manifest.get("digest") == digest
        and dest.is_file()
        and manifest.get("sha256") == sha256(dest)
    )


def check_space(folder: Path, needed: int) -> None:
    """Refuse to write more bytes than are free.

    Raises:
        ExportError: the disk of folder is too full.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ExportError(f"dest: {folder} needs {needed} bytes and its disk has {free} bytes free")


@contextmanager
def builtin_intern() -> Iterator[None]:
    """Give torch the builtin sys.intern: ansible-core wraps it, and torch refuses the wrapper."""
    wrapped = sys.intern
    sys.intern = getattr(wrapped, "unpatched_implementation", wrapped)
    try:
        yield
    finally:
        sys.intern = wrapped


def load_definition(request: Request) -> dict[str, Any]:
    """Run the source's function and return what it describes, its module in eval mode.

    Raises:
        ExportError: the source fails, for instance because the weights belong to another network,
            or what it returns is incomplete.
    """
    loader = SourceFileLoader(f"onnx_export_{request.origin.stem}", str(request.origin))
    module = ModuleType(loader.name)
    module.__file__ = loader.path
    arguments = request.source_options
    if request.weights:
        arguments = {"weights": str(request.weights), **arguments}
    try:
        loader.exec_module(module)
        definition: dict[str, Any] = getattr(module, request.function)(**arguments)
    except SOURCE_ERRORS as error:
        using = f" with the weights {request.weights}" if request.weights else ""
        raise ExportError(
            f"source: {request.function} of {request.origin} fails{using}: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    missing = [key for key in DEFINITION if key not in definition]
    if missing:
        raise ExportError(
            f"source: {request.function} of {request.origin} returns no {', '.join(missing)}"
        )
    definition["module"].eval()
    return definition


def onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises on a model, or an input, that it cannot take."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )


def validate(path: Path) -> tuple[dict[str, Any], Any]:
    """Check an ONNX file; return its facts and an onnxruntime session on it.

    Raises:
        ExportError: the file is damaged, no valid model, keeps its weights in other files, or
            onnxruntime cannot run it.
    """
    import onnx
    import onnxruntime
    from google.protobuf.message import DecodeError

    try:
        # The format is given, or onnx would guess it from the file's name.
        model = onnx.load(path, format="protobuf", load_external_data=False)
        if any(
            tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer
        ):
            raise ExportError(f"{path} keeps its weights in other files: save it as one file")
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        *onnxruntime_errors(),
    ) as error:
        raise ExportError(f"{path} is not a valid ONNX model: {one_line(error)}") from error
    sizes = [onnx.numpy_helper.to_array(tensor).size for tensor in model.graph.initializer]
    facts = {
        "bytes": path.stat().st_size,
        "ir_version": model.ir_version,
        "opset": next(entry.version for entry in model.opset_import if entry.domain == ""),
        "parameters": sum(sizes),
        "sha256": sha256(path),
    }
    return facts, session


def largest_difference(definition: dict[str, Any], session: Any, batch_sizes: list[int]) -> float:
    """Return the largest absolute difference between torch's and onnxruntime's outputs.

    Raises:
        ExportError: onnxruntime refuses a batch size.
    """
    import numpy
    import torch

    torch.manual_seed(0)
    largest = 0.0
    for size in batch_sizes:
        inputs = definition["inputs"](size)
        expected = definition["module"](*inputs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        arrays = [tensor.numpy() for tensor in inputs]
        feed = dict(zip(definition["input_names"], arrays, strict=True))
        try:
            actual = session.run(definition["output_names"], feed)
        except onnxruntime_errors() as error:
            raise ExportError(
                f"source: onnxruntime fails at batch size {size}: {one_line(error)}"
            ) from error
        for ours, theirs in zip(expected, actual, strict=True):
            # maximum keeps a NaN, which max() would lose.
            largest = float(numpy.maximum(largest, numpy.abs(ours.numpy() - theirs).max()))
    return largest


def export_source(request: Request, partial: Path) -> dict[str, Any]:
    """Export the source into the file partial and return its facts.

    Raises:
        ExportError: the source fails, torch cannot export what it builds, the disk is too full, or
            the result is not valid or differs.
    """
    import logging

    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    # A definition may print, and a module's standard output is its result.
    with redirect_stdout(sys.stderr), builtin_intern(), torch.no_grad():
        definition = load_definition(request)
        module = definition["module"]
        size = sum(
            parameter.numel() * parameter.element_size() for parameter in module.parameters()
        )
        check_space(partial.parent, 2 * size)
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.onnx.export(
                module,
                # Not 1: torch takes a size of 1 for a constant.
                definition["inputs"](2),
                partial,
                dynamo=True,
                external_data=False,
                input_names=definition["input_names"],
                output_names=definition["output_names"],
                dynamic_shapes=definition["dynamic_shapes"],
                opset_version=request.opset,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(
                f"source: torch cannot export {request.origin}: {one_line(error)}"
            ) from error
        facts, session = validate(partial)
        difference = largest_difference(definition, session, request.batch_sizes)
        if not difference <= request.tolerance:
            raise ExportError(
                f"source: torch and onnxruntime differ by {difference:.3g} on {request.origin}, "
                f"more than the tolerance of {request.tolerance:.3g}"
            )
    return facts | {
        "largest_difference": difference,
        "opset_asked": request.opset,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "random_weights": definition["random_weights"],
    }


def copy_file(request: Request, partial: Path) -> dict[str, Any]:
    """Copy an ONNX file to partial; plan has checked it and found its facts.

    Raises:
        ExportError: the disk is too full.
    """
    check_space(partial.parent, request.origin.stat().st_size)
    partial.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(request.origin, partial)
    return {}


def plan(request: Request, digest: str) -> dict[str, Any]:
    """Return what can be told of the record without writing, or importing torch.

    Raises:
        ExportError: the ONNX file to copy is not valid.
    """
    facts = {} if request.function else validate(request.origin)[0]
    return {"digest": digest, **facts}


def write(request: Request, planned: dict[str, Any]) -> dict[str, Any]:
    """Make dest and the record beside it; return the record.

    Raises:
        ExportError: nothing can be made; an earlier dest is as it was.
    """
    partial = request.dest.with_name(f"{request.dest.name}.partial")
    make = export_source if request.function else copy_file
    try:
        try:
            manifest = planned | make(request, partial)
            partial.replace(request.dest)
            manifest_path(request.dest).write_text(dumps(manifest))
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"dest: cannot write {request.dest}: {error}") from error
    return manifest


def difference_of(path: Path, before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Return the record at path before and after, as Ansible shows it."""
    return {
        "before_header": str(path),
        "after_header": str(path),
        "before": dumps(before) if before else "",
        "after": dumps(after),
    }


def run(params: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Make each model's file where it is not what is asked for; return the module's result.

    All models are looked at before the first is exported.

    Raises:
        ExportError: a model.onnx cannot be made; the models before it in the list are made.
    """
    folder, repository = Path(params["chdir"] or "."), Path(params["dest"])
    requests = [Request.of(model, repository, folder) for model in params["models"]]
    digests = [request.digest() for request in requests]
    before = [read_manifest(request.dest) for request in requests]
    after = list(before)
    stale = [
        index
        for index, request in enumerate(requests)
        if not is_current(before[index], digests[index], request.dest)
    ]
    for index in stale:
        after[index] = plan(requests[index], digests[index])
    if not check_mode:
        for index in stale:
            after[index] = write(requests[index], after[index])
    result: dict[str, Any] = {
        "changed": bool(stale),
        "models": [
            {"name": request.name, "path": str(request.dest), **manifest}
            for request, manifest in zip(requests, after, strict=True)
        ],
    }
    if diff:
        result["diff"] = [
            difference_of(manifest_path(requests[index].dest), before[index], after[index])
            for index in stale
        ]
    return result
