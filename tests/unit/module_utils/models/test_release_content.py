"""Only what was exported and validated as it is declared now becomes a release."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    Declaration,
    ModelError,
    Origin,
    sha256,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.release_content import (
    NotReadyError,
    collect,
    location,
    manifest_of,
)
from support.fake_exports import Workshop, entry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return a folder with one model, exported and validated."""
    workshop = Workshop(tmp_path)
    workshop.export(workshop.declare())
    return workshop


def declaration(workshop: Workshop, **given: Any) -> Declaration:
    return Declaration.of(workshop.declare(**given), workshop.folder)


def test_content_of_an_export(workshop: Workshop) -> None:
    content = collect(declaration(workshop), workshop.exports)
    folder = workshop.exports / "scale" / "1"
    assert content.files == {name: sha256(folder / name) for name in ("model.onnx", "golden.json")}
    assert content.facts["source_digest"] == declaration(workshop).digest()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("export.json", r"scale: there is no .*/export\.json: run onnx_export first"),
        ("validation.json", r"scale: there is no .*/validation\.json: run model_validate first"),
        ("model.onnx", r"scale: there is no .*/model\.onnx: export and validate it again"),
        ("golden.json", r"scale: there is no .*/golden\.json: export and validate it again"),
    ],
)
def test_missing_file(workshop: Workshop, file: str, reason: str) -> None:
    (workshop.exports / "scale" / "1" / file).unlink()
    with pytest.raises(NotReadyError, match=reason):
        collect(declaration(workshop), workshop.exports)


@pytest.mark.parametrize(
    ("file", "step"), [("model.onnx", "onnx_export"), ("golden.json", "model_validate")]
)
def test_file_that_was_not_validated(workshop: Workshop, file: str, step: str) -> None:
    path = workshop.exports / "scale" / "1" / file
    before = sha256(path)
    path.write_text("other")
    with pytest.raises(NotReadyError) as caught:
        collect(declaration(workshop), workshop.exports)
    assert str(caught.value) == (
        f"scale: {path} is not what {step} has seen: its digest is {sha256(path)}, "
        f"on record is {before}: run {step} again"
    )


def test_export_that_was_made_again_but_not_validated(workshop: Workshop) -> None:
    folder = workshop.exports / "scale" / "1"
    validation = (folder / "validation.json").read_bytes()
    workshop.export(workshop.declare(), 3.0)
    (folder / "validation.json").write_bytes(validation)
    with pytest.raises(NotReadyError, match=r"model\.onnx is not what model_validate has seen"):
        collect(declaration(workshop), workshop.exports)


def test_export_of_another_declaration(workshop: Workshop) -> None:
    with pytest.raises(NotReadyError, match="scale/1 is not what onnx_export has seen"):
        collect(declaration(workshop, opset=18), workshop.exports)


def test_validation_of_another_declaration(workshop: Workshop) -> None:
    with pytest.raises(NotReadyError, match="scale/1 is not what model_validate has seen"):
        collect(declaration(workshop, tolerance=0.5), workshop.exports)


@pytest.mark.parametrize(("text", "reason"), [("{", "is not JSON"), ("[]", "is not a record")])
def test_damaged_record(workshop: Workshop, text: str, reason: str) -> None:
    (workshop.exports / "scale" / "1" / "export.json").write_text(text)
    with pytest.raises(NotReadyError, match=rf"export\.json {reason}: run onnx_export again"):
        collect(declaration(workshop), workshop.exports)


def test_record_without_a_key(workshop: Workshop) -> None:
    path = workshop.exports / "scale" / "1" / "export.json"
    export = json.loads(path.read_bytes())
    del export["opset"]
    path.write_text(json.dumps(export))
    with pytest.raises(NotReadyError, match="have no 'opset': export it again"):
        collect(declaration(workshop), workshop.exports)


def test_content_of_a_folder(workshop: Workshop) -> None:
    model = Declaration.of(workshop.folder_model(), workshop.folder)
    content = collect(model, workshop.exports)
    folder = workshop.folder / "labels" / "1"
    assert content.files == {name: sha256(folder / name) for name in ("labels.txt", "golden.json")}
    manifest = manifest_of(model, content, workshop.folder, NOW)
    assert (manifest["source"], manifest["source_digest"]) == ("labels", None)
    assert (manifest["tolerance"], manifest["random_weights"]) == (0.5, None)


def test_folder_with_a_manifest_of_its_own(workshop: Workshop) -> None:
    model = Declaration.of(workshop.folder_model(), workshop.folder)
    (workshop.folder / "labels" / "1" / "manifest.json").touch()
    with pytest.raises(ModelError, match=r"labels: .* has a file manifest\.json: the release wri"):
        collect(model, workshop.exports)


def test_folder_that_cannot_be_read(workshop: Workshop) -> None:
    model = Declaration.of(workshop.folder_model(), workshop.folder)
    (workshop.folder / "labels" / "1" / "gone.txt").symlink_to("nowhere")
    with pytest.raises(ModelError, match=r"labels: cannot read its files: .*gone\.txt"):
        collect(model, workshop.exports)


@pytest.mark.parametrize("text", ["{}", None])
def test_folder_without_golden_answers(workshop: Workshop, text: str | None) -> None:
    model = Declaration.of(workshop.folder_model(), workshop.folder)
    golden = workshop.folder / "labels" / "1" / "golden.json"
    golden.unlink()
    if text:
        golden.write_text(text)
    content = collect(model, workshop.exports)
    with pytest.raises(ModelError, match=r"labels: .*golden\.json has no golden answers"):
        manifest_of(model, content, workshop.folder, NOW)


def test_manifest_names_what_the_model_was_made_from(workshop: Workshop) -> None:
    (workshop.folder / "weights.bin").write_text("weights")
    model = workshop.declare(weights="weights.bin", tolerance=0.25)
    workshop.export(model, accuracy={"metric": "top-1", "fp32": 0.9, "exported": 0.8, "loss": 0.1})
    declared = Declaration.of(model, workshop.folder)
    content = collect(declared, workshop.exports)
    manifest = manifest_of(declared, content, workshop.folder, NOW)
    source, weights = workshop.folder / "scale.py", workshop.folder / "weights.bin"
    assert manifest["origins"] == [
        {"kind": "source", "location": "scale.py", "sha256": sha256(source)},
        {"kind": "weights", "location": "weights.bin", "sha256": sha256(weights)},
    ]
    assert manifest["source"] == "scale.py:build"
    assert manifest["packages"].keys() == {"onnx"}
    assert (manifest["tolerance"], manifest["largest_difference"]) == (0.25, 0.0)
    assert (manifest["opset"], manifest["ir_version"], manifest["parameters"]) == (18, 9, 1)
    assert manifest["accuracy"]["loss"] == 0.1
    assert manifest["signature"]["inputs"][0]["shape"] == [-1, 3]
    assert manifest["created"] == "2026-01-02T03:04:05+00:00"


def test_manifest_of_a_file(workshop: Workshop) -> None:
    file = workshop.exports / "scale" / "1" / "model.onnx"
    model = entry(name="same", file=f"exports/scale/1/model.onnx#sha256={sha256(file)}")
    workshop.export(model)
    declared = Declaration.of(model, workshop.folder)
    manifest = manifest_of(declared, collect(declared, workshop.exports), workshop.folder, NOW)
    assert manifest["source"] == "exports/scale/1/model.onnx"
    assert manifest["origins"] == [
        {"kind": "file", "location": manifest["source"], "sha256": sha256(file)}
    ]


def test_address_is_recorded_without_what_may_be_secret() -> None:
    origin = Origin("https://me:secret@example.org:8443/a%20b.onnx?token=secret", "0" * 64)
    assert location(origin, Path("here")) == "https://example.org:8443/a%20b.onnx"
