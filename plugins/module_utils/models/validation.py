"""Check exported models, and record what they answer for those who serve them."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..changes import change
from ..triton.golden import (
    Golden,
    GoldenError,
    Tensor,
)
from . import answers as model_answers
from . import config as model_config
from . import onnx_file
from . import record as model_record
from .artifact import fetch
from .declaration import (
    Declaration,
    ModelError,
    declarations,
    installed_version,
    sha256,
)
from .export import (
    about,
)
from .golden_requests import (
    Request,
    check_request,
    check_tensor,
    declared_requests,
    default_request,
)
from .source import (
    load_definition,
    torch_ready,
)


@dataclass(frozen=True)
class Validation:
    """An exported model to check."""

    declaration: Declaration
    exports: Path

    @property
    def folder(self) -> Path:
        """The directory of the export, and of the records of its check."""
        return self.declaration.below(self.exports)

    @property
    def model(self) -> Path:
        """The exported file."""
        return self.folder / "model.onnx"

    @cached_property
    def source_digest(self) -> str:
        """The digest of all that the export is made from."""
        return self.declaration.digest()

    def digest(self) -> str:
        """Return the digest of all that is asked for."""
        asked = {
            "source": self.source_digest,
            "tolerance": self.declaration.tolerance,
            "sizes": model_answers.sizes(self.declaration),
            "golden": self.declaration.golden,
            "config": self.declaration.config,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """Return what was recorded before, empty where there is nothing."""
        return model_record.read(self.folder / "validation.json")

    def export(self) -> dict[str, Any] | None:
        """Return the record of the export; None where it is not that of what is declared."""
        export = model_record.read(self.folder / "export.json")
        if (
            export.get("digest") == self.source_digest
            and self.model.is_file()
            and export.get("sha256") == sha256(self.model)
        ):
            return export
        return None

    def is_current(self, record: dict[str, Any], plan: Plan) -> bool:
        """Tell whether the export was checked as is asked, and its golden answers are there."""
        golden = self.folder / "golden.json"
        return (
            record.get("digest") == self.digest()
            and record.get("sha256") == plan.sha256
            and golden.is_file()
            and record.get("golden_sha256") == sha256(golden)
        )


@dataclass(frozen=True)
class Plan:
    """What is to be checked of an export."""

    sha256: str
    """The digest of model.onnx."""
    config: Any
    """The configuration that it will be served with, a ModelConfig."""
    requests: list[Request]
    """What its golden answers are answers to."""


def check_folder(declaration: Declaration) -> dict[str, Any]:
    """Check a model that is served as it is; return what the module says of it.

    Raises:
        ModelError: its configuration or its golden answers are wrong.
    """
    folder = declaration.folder
    assert folder is not None
    path = folder / str(declaration.version) / "golden.json"
    try:
        text = (folder / "config.pbtxt").read_text("utf-8")
        golden = Golden.read(path)
    except (GoldenError, OSError, UnicodeDecodeError) as error:
        raise ModelError(str(error)) from error
    config = model_config.of_folder(declaration.name, text, declaration.config)
    for number, case in enumerate(golden.cases, start=1):
        where = f"golden case {number}"
        if case.endpoint == "infer":
            check_request(where, config, case.inputs)
            for tensor in case.outputs:
                check_tensor(where, "output", config, config.output, tensor)
        elif "text_output" not in {entry.name for entry in config.output}:
            raise ModelError(
                f"{where}: {case.endpoint} needs an output text_output, and the configuration "
                f"has {[entry.name for entry in config.output]}"
            )
    return {"cases": len(golden.cases), "tolerance": golden.tolerance}


def plan(validation: Validation, check_mode: bool) -> Plan | None:
    """Check what is declared, without loading the model.

    Returns:
        None in check mode, for a model that is yet to be exported.

    Raises:
        ModelError: the model is not exported, or its declaration does not fit it.
    """
    declaration = validation.declaration
    model_config.from_dict(declaration.name, declaration.config)
    requests = declared_requests(declaration)
    export = validation.export()
    if export is None:
        if check_mode:
            return None
        raise ModelError(
            f"{validation.folder} does not have the export of what is declared: "
            "run onnx_export first"
        )
    signature = export["signature"]
    config = model_config.of_signature(declaration.name, declaration.config, signature)
    requests = requests or [default_request(config)]
    for number, request in enumerate(requests, start=1):
        tensors = [Tensor.of(tensor) for tensor in request]
        check_request(f"golden case {number}", config, tensors)
    return Plan(export["sha256"], config, requests)


def validate(validation: Validation, plan: Plan) -> dict[str, Any]:
    """Check an export, and write its golden answers and the record of its check.

    Returns:
        The record.

    Raises:
        ModelError: the export is not valid, does not fit its configuration, or answers otherwise
            than its definition; nothing has been written.
    """
    declaration, definition = validation.declaration, None
    for package in ("onnx", "onnxruntime", *(["torch"] if declaration.source else [])):
        installed_version(package)
    signature = onnx_file.signature(onnx_file.load(validation.model))
    model_config.check(declaration.name, plan.config, signature)
    session = onnx_file.session(validation.model)
    outputs = [entry.name for entry in plan.config.output]
    with torch_ready() if declaration.source else nullcontext():
        if declaration.source:
            weights = declaration.weights
            path = fetch(weights, validation.exports / ".downloads") if weights else None
            definition = load_definition(declaration, path)
        model = model_answers.Model(session, definition)
        difference = model_answers.compare(model, declaration)
        golden = model_answers.golden(model, declaration, plan.requests, outputs)
    text = json.dumps(golden) + "\n"
    record = {
        "sha256": plan.sha256,
        "digest": validation.digest(),
        "largest_difference": difference,
        "sizes": model_answers.sizes(declaration) if definition else [],
        "golden_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    replace(validation.folder / "golden.json", text)
    replace(validation.folder / "validation.json", model_record.dumps(record))
    return record


def replace(path: Path, text: str) -> None:
    """Write a file in one step.

    Raises:
        ModelError: it cannot be written; the one before is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise ModelError(f"cannot write {path}: {error}") from error


def run(params: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Check all models that are not on record as checked; return the module's result.

    All declarations are looked at before the first model is loaded.

    Raises:
        ModelError: a model is not what is declared; those before it in the list are on record.
    """
    exports = Path(params["exports"])
    models, stale, changes, differences = [], [], [], []
    for declaration in declarations(params):
        facts: dict[str, Any] = {"name": declaration.name, "version": declaration.version}
        models.append(facts)
        with about(declaration):
            if not declaration.is_exported:
                facts.update(check_folder(declaration))
                continue
            validation = Validation(declaration, exports)
            planned = plan(validation, check_mode)
            record = validation.record()
            facts["tolerance"] = declaration.tolerance
            if planned is not None:
                facts["cases"] = len(planned.requests)
            if planned is not None and validation.is_current(record, planned):
                facts.update(record)
            else:
                stale.append((facts, validation, planned, record))
    for facts, validation, planned, before in stale:
        after = {"digest": validation.digest()}
        if not check_mode and planned is not None:
            with about(validation.declaration):
                after = validate(validation, planned)
        facts.update(after)
        changes.append(change("ModelValidation", validation.declaration.title, before, after))
        differences.append(
            model_record.difference(validation.folder / "validation.json", before, after)
        )
    result: dict[str, Any] = {"changed": bool(stale), "changes": changes, "models": models}
    if diff:
        result["diff"] = differences
    return result
