"""A release's bill of materials is valid CycloneDX and says what the release is made of."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import sbom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

PACKAGES = ("onnx", "onnxruntime", "onnxscript", "torch")
MANIFEST: dict[str, Any] = {
    "name": "scale",
    "version": 3,
    "digest": "d" * 64,
    "files": {"golden.json": "a" * 64, "model.onnx": "b" * 64},
    "source": "scale.py:build",
    "source_digest": "c" * 64,
    "origins": [
        {"kind": "source", "location": "models/the scale.py", "sha256": "e" * 64},
        {"kind": "weights", "location": "https://example.org/w.pth", "sha256": "f" * 64},
    ],
    "precision": "fp16",
    "opset": 18,
    "ir_version": 9,
    "parameters": 1,
    "signature": {},
    "packages": {name: metadata.version(name) for name in PACKAGES},
    "accuracy": {"metric": "top-1", "fp32": 0.9, "exported": 0.89, "loss": 0.01},
    "random_weights": True,
    "tolerance": 0.001,
    "largest_difference": 1e-06,
    "created": "2026-01-02T03:04:05+00:00",
}
FOLDER = MANIFEST | dict.fromkeys(sbom.PROPERTIES) | {"digest": "0" * 64, "origins": []}


@pytest.fixture
def bill() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom.render(MANIFEST))
    return document


@pytest.mark.parametrize(
    "manifest", [MANIFEST, FOLDER | {"packages": {}, "files": {}}], ids=["export", "folder"]
)
def test_bill_is_valid(manifest: dict[str, Any]) -> None:
    text = sbom.render(manifest)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert sbom.render(manifest) == text


def test_validator_refuses_what_is_invalid(bill: dict[str, Any]) -> None:
    bill["metadata"]["component"]["type"] = "model"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is not None


def test_model_with_its_files(bill: dict[str, Any]) -> None:
    model = bill["metadata"]["component"]
    assert (model["type"], model["name"], model["version"]) == (
        "machine-learning-model",
        "scale",
        "3",
    )
    files = {file["name"]: file["hashes"] for file in model["components"]}
    assert files == {
        name: [{"alg": "SHA-256", "content": digest}] for name, digest in MANIFEST["files"].items()
    }
    assert bill["metadata"]["timestamp"] == MANIFEST["created"]


def test_properties_say_what_a_model_card_would(bill: dict[str, Any]) -> None:
    properties = bill["metadata"]["component"]["properties"]
    found = {each["name"].removeprefix("gpu_platform:"): each["value"] for each in properties}
    assert found == {
        "accuracy": "exported 0.89, fp32 0.9, loss 0.01, metric top-1",
        "digest": "d" * 64,
        "ir_version": "9",
        "largest_difference": "1e-06",
        "opset": "18",
        "parameters": "1",
        "precision": "fp16",
        "random_weights": "true",
        "source": "scale.py:build",
        "source_digest": "c" * 64,
        "tolerance": "0.001",
    }


def test_origins_with_their_digests(bill: dict[str, Any]) -> None:
    references = bill["metadata"]["component"]["externalReferences"]
    assert {(each["comment"], each["url"]) for each in references} == {
        ("source", "models/the%20scale.py"),
        ("weights", "https://example.org/w.pth"),
    }
    digests = {each["comment"]: each["hashes"][0]["content"] for each in references}
    assert digests == {"source": "e" * 64, "weights": "f" * 64}


def test_packages_with_version_and_licence(bill: dict[str, Any]) -> None:
    packages = {each["name"]: each for each in bill["components"]}
    assert packages.keys() == set(PACKAGES)
    torch = packages["torch"]
    assert torch["purl"].replace("%2B", "+") == f"pkg:pypi/torch@{metadata.version('torch')}"
    assert "BSD-3-Clause" in torch["licenses"][0]["expression"]
    assert packages["onnx"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert packages["onnxscript"]["licenses"] == [{"license": {"name": "MIT License"}}]


def test_model_depends_on_files_and_packages(bill: dict[str, Any]) -> None:
    [entry] = [each for each in bill["dependencies"] if each["ref"] == "scale@3"]
    assert len(entry["dependsOn"]) == len(MANIFEST["files"]) + len(PACKAGES)


def test_serial_number_follows_from_the_release(bill: dict[str, Any]) -> None:
    other = json.loads(sbom.render(MANIFEST | {"digest": "0" * 64}))
    assert bill["serialNumber"].startswith("urn:uuid:")
    assert other["serialNumber"] != bill["serialNumber"]


def test_licence_of_a_package_that_is_not_there_is_not_guessed() -> None:
    assert sbom.licence("no-such-package", "1") is None
    assert sbom.licence("onnx", "0.0.1") is None
