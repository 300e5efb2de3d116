"""From a PyTorch definition, or an ONNX file, to a checked model.onnx with a record beside it.

torch costs seconds to import, so nothing here imports it before an export has to happen: what a
file was made from is recorded beside it, and comparing that is enough to leave the file alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ..changes import change
from . import onnx_file
from . import precision as onnx_precision
from . import record as model_record
from .artifact import fetch
from .declaration import (
    Declaration,
    ModelError,
    Origin,
    declarations,
    installed_version,
    sha256,
)
from .source import (
    Definition,
    load_definition,
    torch_ready,
)
from .triton_images import TritonImage

CONVERTERS = ["onnx", "onnxruntime"]
EXPORTERS = ["torch", "onnxscript", *CONVERTERS]


@dataclass(frozen=True)
class Export:
    """A model to export, and where to."""

    declaration: Declaration
    given: str
    """Its source or file, as it is declared."""
    exports: Path
    image: TritonImage | None
    """Where the model shall be served; None: anywhere."""

    @property
    def dest(self) -> Path:
        """The directory of model.onnx and export.json."""
        return self.declaration.below(self.exports)

    def fetched(self, origin: Origin) -> Path:
        """Return where a file of the model lies, fetched first if it has to be."""
        return fetch(origin, self.exports / ".downloads")

    def record(self) -> dict[str, Any]:
        """Return what was exported before, empty where there is nothing."""
        return model_record.read(self.dest / "export.json")

    def is_current(self, record: dict[str, Any]) -> bool:
        """Tell whether model.onnx is, byte for byte, what the declaration gave."""
        model = self.dest / "model.onnx"
        return (
            record.get("digest") == self.declaration.digest()
            and model.is_file()
            and record.get("sha256") == sha256(model)
        )

    def check_image(self, record: dict[str, Any]) -> None:
        """Refuse a model that the image cannot load.

        Raises:
            ModelError: its operator set or its IR version is too new.
        """
        if self.image:
            self.image.check(record["opset"], record["ir_version"])


@contextmanager
def about(declaration: Declaration) -> Iterator[None]:
    """Say in an error which model it is about."""
    try:
        yield
    except ModelError as error:
        prefix = f"{declaration.name}: "
        raise ModelError(prefix + str(error).removeprefix(prefix)) from error


def check_space(folder: Path, needed: int) -> None:
    """Refuse to write more bytes than are free.

    Raises:
        ModelError: the disk of folder is too full.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ModelError(f"{folder} needs {needed} bytes and its disk has {free} bytes free")


@contextmanager
def locked(name: str, exports: Path) -> Iterator[None]:
    """Let no other process export a model meanwhile.

    Raises:
        ModelError: one does so already, or the folder cannot be written.
    """
    path = exports / name / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise ModelError(
                    f"{name}: process {file.read().strip()} is exporting this model into "
                    f"{exports} at the moment: wait until it has ended"
                ) from error
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
    except OSError as error:
        raise ModelError(f"{name}: cannot write {path}: {error}") from error


def export_module(definition: Definition, opset: int, dest: Path) -> None:
    """Export a module as one file in fp32.

    Raises:
        ModelError: torch cannot export it, or the disk is too full.
    """
    import logging

    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    size = sum(tensor.nbytes for tensor in definition.module.state_dict().values())
    check_space(dest.parent.parent, 2 * size)
    try:
        program = torch.onnx.export(
            definition.module,
            # Not 1: torch takes a size of 1 for a constant.
            definition.inputs(2, None),
            dynamo=True,
            input_names=definition.input_names,
            output_names=definition.output_names,
            dynamic_shapes=definition.dynamic_shapes,
            opset_version=opset,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise ModelError(f"source: torch cannot export it: {onnx_file.one_line(error)}") from error
    assert program is not None
    # Every node has the stack that it comes from, with paths of this machine.
    model = program.model
    for node in chain(model.graph.all_nodes(), *(f.all_nodes() for f in model.functions.values())):
        node.metadata_props.clear()
    program.save(dest, external_data=False)


def make(export: Export, folder: Path) -> dict[str, Any]:
    """Write model.onnx into folder and return what there is to record of it.

    Raises:
        ModelError: it cannot be made, or it is not what is asked for.
    """
    from . import config as model_config

    declaration, model = export.declaration, folder / "model.onnx"
    fp32 = model if declaration.precision == "fp32" else folder / "fp32.onnx"
    definition = None
    record: dict[str, Any] = {"accuracy": None}
    if declaration.file:
        source = export.fetched(declaration.file)
        check_space(folder.parent, 2 * source.stat().st_size)
        shutil.copyfile(source, fp32)
    else:
        weights = export.fetched(declaration.weights) if declaration.weights else None
        definition = load_definition(declaration, weights)
        export_module(definition, declaration.opset, fp32)
        record["random_weights"] = definition.random_weights
    if fp32 != model:
        onnx_file.load(fp32)
        onnx_precision.convert(fp32, model, declaration.precision, declaration.keep_io_types)
        record["accuracy"] = onnx_precision.measure(declaration, fp32, model, definition)
    loaded = onnx_file.load(model)
    facts = onnx_file.facts(model, loaded)
    export.check_image(facts)
    model_config.of_signature(declaration.name, declaration.config, facts["signature"])
    if definition:
        facts["parameters"] = sum(tensor.numel() for tensor in definition.module.parameters())
    return facts | record


def write(export: Export, planned: dict[str, Any]) -> dict[str, Any]:
    """Make model.onnx and the record beside it; return the record.

    Raises:
        ModelError: nothing can be made; what was there before is as it was.
    """
    dest = export.dest
    partial = dest.with_name(f".{dest.name}.partial")
    try:
        # Of a process that was killed.
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with torch_ready() if export.declaration.source else nullcontext():
            record = planned | make(export, partial)
        (partial / "export.json").write_text(model_record.dumps(record))
        dest.mkdir(exist_ok=True)
        for name in ("model.onnx", "export.json"):
            (partial / name).replace(dest / name)
    except OSError as error:
        raise ModelError(f"cannot write {dest}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return record


def plan(export: Export) -> dict[str, Any]:
    """Return what can be told of the record without writing, or importing torch.

    Raises:
        ModelError: a package is missing, the image cannot load the operator set that is asked
            for, or an ONNX file that is here already is not valid.
    """
    declaration = export.declaration
    packages = [*(EXPORTERS if declaration.source else CONVERTERS), *declaration.requirements]
    planned: dict[str, Any] = {
        "digest": declaration.digest(),
        "packages": {name: installed_version(name) for name in packages},
        "precision": declaration.precision,
        "source": export.given,
    }
    if declaration.source:
        if export.image:
            export.image.check(declaration.opset)
        return planned | {"opset_asked": declaration.opset}
    assert declaration.file is not None
    planned |= {"opset_asked": None, "random_weights": False}
    if declaration.file.is_remote:
        return planned
    path = Path(declaration.file.location)
    facts = onnx_file.facts(path, onnx_file.load(path))
    export.check_image(facts)
    if declaration.precision == "fp32":
        planned |= facts | {"accuracy": None}
    return planned


def run(params: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Make each model's file where it is not what is asked for; return the module's result.

    All models are looked at before the first is exported.

    Raises:
        ModelError: a model.onnx cannot be made; the models before it in the list are made.
    """
    image = TritonImage.of(params["triton_image"]) if params["triton_image"] else None
    exports = [
        Export(declaration, given["source"] or given["file"], Path(params["exports"]), image)
        for declaration, given in zip(declarations(params), params["models"], strict=True)
        if declaration.is_exported
    ]
    before = [export.record() for export in exports]
    after = list(before)
    stale = []
    for index, export in enumerate(exports):
        with about(export.declaration):
            if export.is_current(before[index]):
                export.check_image(before[index])
                if measured := before[index]["accuracy"]:
                    onnx_precision.check_loss(export.declaration, measured)
            else:
                stale.append(index)
                after[index] = plan(export)
    if not check_mode:
        with ExitStack() as locks:
            for name in sorted({exports[index].declaration.name for index in stale}):
                locks.enter_context(locked(name, Path(params["exports"])))
            for index in stale:
                with about(exports[index].declaration):
                    after[index] = write(exports[index], after[index])
    result: dict[str, Any] = {
        "changed": bool(stale),
        "changes": [
            change("ModelExport", exports[index].declaration.title, before[index], after[index])
            for index in stale
        ],
        "models": [
            {
                "name": export.declaration.name,
                "version": export.declaration.version,
                "path": str(export.dest / "model.onnx"),
                **record,
            }
            for export, record in zip(exports, after, strict=True)
        ],
    }
    if diff:
        result["diff"] = [
            model_record.difference(
                exports[index].dest / "export.json", before[index], after[index]
            )
            for index in stale
        ]
    return result
