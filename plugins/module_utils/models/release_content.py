"""What a release is made of: checked exports or a folder as it is, and the manifest of both."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..triton.golden import Golden, GoldenError
from .declaration import (
    Declaration,
    ModelError,
    Origin,
    sha256,
)
from .registry import (
    RECORDS,
    content_files,
    digest,
)
from .validation import (
    Validation,
)

GOLDEN = "golden.json"
EXPORTED = ("model.onnx", GOLDEN)
"""The content of a version that was exported."""
FROM_EXPORT = (
    "accuracy",
    "ir_version",
    "opset",
    "packages",
    "parameters",
    "precision",
    "random_weights",
    "signature",
)
"""What a manifest takes over from the record of the export."""


class NotReadyError(ModelError):
    """The steps before have not made, or not checked, what is declared now."""


@dataclass(frozen=True)
class Content:
    """The files of one version, before they are released, and what is known of them."""

    folder: Path
    files: dict[str, str]
    facts: dict[str, Any]

    @property
    def digest(self) -> str:
        """The one digest of all files."""
        return digest(self.files)


def read_record(path: Path, step: str) -> dict[str, Any]:
    """Return what a step before has recorded.

    Raises:
        NotReadyError: there is no such record.
    """
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotReadyError(f"there is no {path}: run {step} first") from error
    except ValueError as error:
        raise NotReadyError(f"{path} is not JSON: run {step} again") from error
    if not isinstance(record, dict):
        raise NotReadyError(f"{path} is not a record: run {step} again")
    return record


def check_record(record: dict[str, Any], key: str, path: Path, found: str, step: str) -> None:
    """Find out whether a step before has seen what is there now.

    Raises:
        NotReadyError: it has seen something else.
    """
    if record.get(key) != found:
        raise NotReadyError(
            f"{path} is not what {step} has seen: its digest is {found}, "
            f"on record is {record.get(key)}: run {step} again"
        )


def collect_export(asked: Validation) -> Content:
    """Return the content of an exported model with the evidence that it was validated.

    Raises:
        NotReadyError: it is not exported or not validated as it is declared now.
        ModelError: what it was made from is missing.
    """
    folder = asked.folder
    export = read_record(folder / "export.json", "onnx_export")
    check_record(export, "digest", folder, asked.source_digest, "onnx_export")
    validation = read_record(folder / "validation.json", "model_validate")
    try:
        files = {file: sha256(folder / file) for file in EXPORTED}
        facts = {key: export[key] for key in FROM_EXPORT}
        facts["largest_difference"] = validation["largest_difference"]
    except FileNotFoundError as error:
        raise NotReadyError(
            f"there is no {error.filename}: export and validate it again"
        ) from error
    except KeyError as error:
        raise NotReadyError(f"the records in {folder} have no {error}: export it again") from error
    model, golden = EXPORTED
    check_record(export, "sha256", folder / model, files[model], "onnx_export")
    check_record(validation, "sha256", folder / model, files[model], "model_validate")
    check_record(validation, "golden_sha256", folder / golden, files[golden], "model_validate")
    check_record(validation, "digest", folder, asked.digest(), "model_validate")
    return Content(folder, files, facts | {"source_digest": export["digest"]})


def collect_folder(folder: Path) -> Content:
    """Return the content of a version of a Triton model that is served as it is.

    Raises:
        ModelError: it has a file that a release writes itself.
    """
    files = {file: sha256(folder / file) for file in content_files(folder)}
    if taken := sorted(files.keys() & set(RECORDS)):
        raise ModelError(f"{folder} has a file {taken[0]}: the release writes its own")
    facts = dict.fromkeys([*FROM_EXPORT, "largest_difference", "source_digest"])
    return Content(folder, files, facts | {"packages": {}})


def collect(declaration: Declaration, exports: Path) -> Content:
    """Return what is to be released.

    Raises:
        NotReadyError: the steps before have to run first.
        ModelError: the files cannot be released.
    """
    try:
        if declaration.folder:
            return collect_folder(declaration.folder / str(declaration.version))
        return collect_export(Validation(declaration, exports))
    except ModelError as error:
        raise type(error)(f"{declaration.name}: {error}") from error
    except OSError as error:
        raise ModelError(f"{declaration.name}: cannot read its files: {error}") from error


def made_from(declaration: Declaration, chdir: Path) -> list[dict[str, Any]]:
    """Return kind, location and sha256 of each file that a model is made from."""
    named = {"file": declaration.file, "weights": declaration.weights}
    if declaration.source:
        named["source"] = Origin(str(declaration.source.path), None)
    return [
        {"kind": kind, "location": location(origin, chdir), "sha256": origin.digest()}
        for kind, origin in sorted(named.items())
        if origin
    ]


def location(origin: Origin, chdir: Path) -> str:
    """Return where a file is from, for others to read: an address without what may be secret."""
    if not origin.is_remote:
        return os.path.relpath(origin.location, chdir)
    parts = urlsplit(origin.location)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def manifest_of(
    declaration: Declaration, content: Content, chdir: Path, created: datetime
) -> dict[str, Any]:
    """Return the manifest of a new release, without the digest of its bill of materials.

    Raises:
        ModelError: it has no golden answers, or what it was made from is not there any more.
    """
    origins = made_from(declaration, chdir)
    source = os.path.relpath(declaration.folder, chdir) if declaration.folder else None
    for origin in origins:
        if origin["kind"] != "weights":
            source = origin["location"]
    if declaration.source:
        source = f"{source}:{declaration.source.function}"
    try:
        tolerance = Golden.read(content.folder / GOLDEN).tolerance
    except GoldenError as error:
        raise ModelError(f"{declaration.name}: {error}") from error
    return content.facts | {
        "name": declaration.name,
        "version": declaration.version,
        "digest": content.digest,
        "files": content.files,
        "source": source,
        "origins": origins,
        "tolerance": tolerance,
        "created": created.isoformat(timespec="seconds"),
    }
