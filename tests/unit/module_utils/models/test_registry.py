"""A release in the registry is what its manifest says, or it is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    registry as model_registry,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.registry import Release


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Return the directory of a release with two files."""
    folder = tmp_path / "scale" / "1"
    (folder / "data").mkdir(parents=True)
    contents = {"model.onnx": "model", "data/labels.txt": "labels"}
    for path, text in (contents | {"sbom.cdx.json": "bill"}).items():
        (folder / path).write_text(text)
    files = {path: sha(text) for path, text in contents.items()}
    store(
        folder,
        name="scale",
        version=1,
        digest=model_registry.digest(files),
        files=files,
        sbom=sha("bill"),
    )
    return folder


def store(folder: Path, **manifest: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest))


def manifest(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return document


def test_digest_is_one_over_sorted_lines() -> None:
    text = f"a {sha('1')}\nb/c {sha('2')}\n"
    assert model_registry.digest({"b/c": sha("2"), "a": sha("1")}) == sha(text)


def test_release_is_read_and_verified(release: Path) -> None:
    found = Release.read(release)
    found.verify()
    assert found.files.keys() == {"model.onnx", "data/labels.txt", "sbom.cdx.json"}
    assert model_registry.released_versions(release.parents[1], "scale") == [1]


@pytest.mark.parametrize("path", ["model.onnx", "data/labels.txt", "sbom.cdx.json"])
def test_changed_file_is_named_with_both_digests(release: Path, path: str) -> None:
    before = Release.read(release).files[path]
    (release / path).write_text("other")
    with pytest.raises(ModelError) as caught:
        Release.read(release).verify()
    assert str(caught.value) == (
        f"{release / path} has been changed: its sha256 is {sha('other')}, on record is {before}"
    )


def test_added_and_removed_files(release: Path) -> None:
    (release / "extra.txt").touch()
    with pytest.raises(ModelError, match=r"extra\.txt has been added: it does not fit .*manifest"):
        Release.read(release).verify()
    (release / "extra.txt").unlink()
    (release / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx has been removed"):
        Release.read(release).verify()


def test_manifest_that_contradicts_itself(release: Path) -> None:
    files = manifest(release)["files"] | {"model.onnx": sha("other")}
    store(release, **manifest(release) | {"files": files})
    with pytest.raises(ModelError, match=r"manifest\.json has been changed: the digest of its fil"):
        Release.read(release)


def test_manifest_of_another_release(release: Path) -> None:
    store(release, **manifest(release) | {"version": 2})
    with pytest.raises(ModelError, match="is of another release: scale 2"):
        Release.read(release)


@pytest.mark.parametrize("text", ["[]", "{", '{"digest": "", "files": []}'])
def test_what_is_no_manifest(release: Path, text: str) -> None:
    (release / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match="is not the manifest of a release"):
        Release.read(release)


def test_directory_without_a_manifest(release: Path) -> None:
    (release / "manifest.json").unlink()
    with pytest.raises(ModelError, match=r"scale/1 is not a release: it has no manifest\.json"):
        Release.read(release)
    assert model_registry.released_versions(release.parents[1], "scale") == []


def test_copy_that_is_not_what_was_expected(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("now")
    with pytest.raises(ModelError, match=f"source has been changed: its sha256 is {sha('now')}"):
        model_registry.copy(source, tmp_path / "dest", sha("before"), 0o444)
