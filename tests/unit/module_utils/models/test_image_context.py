"""Build contexts that are named by what is in them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.image_context import (
    Context,
    ContextDirectory,
    ContextError,
)
from support.full_disk import largest_file

REPOSITORY = "registry.example.com/mlops/triton"
CREATED = {"action": "create", "type": "ImageBuildContext", "name": REPOSITORY}
SAME_AGAIN = {**CREATED, "action": "update", "fields": []}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    directory = tmp_path / "models"
    (directory / "m" / "1").mkdir(parents=True)
    (directory / "m" / "config.pbtxt").write_text('backend: "python"')
    (directory / "m" / "1" / "model.onnx").write_bytes(b"weights")
    # An ensemble's version directory is empty, and Triton insists on it.
    (directory / "ensemble" / "1").mkdir(parents=True)
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> ContextDirectory:
    return ContextDirectory(tmp_path / "images", REPOSITORY)


def context(models: Path, dockerfile: str = "FROM base\n") -> Context:
    return Context(models, {"Dockerfile": dockerfile})


def test_assemble(models: Path, directory: ContextDirectory, tmp_path: Path) -> None:
    (models / "m" / "1" / "model.onnx").chmod(0o600)
    changes, tag = directory.assemble(context(models), keep=5, check_mode=False)
    assert changes == [CREATED]
    written = directory.path(tag)
    assert (written / "Dockerfile").read_text() == "FROM base\n"
    weights = written / "models" / "m" / "1" / "model.onnx"
    assert weights.read_bytes() == b"weights"
    assert weights.stat().st_mode & 0o777 == 0o644
    assert (written / "models" / "ensemble" / "1").is_dir()
    current = json.loads((tmp_path / "images" / "current.json").read_text())
    assert current == {"repository": REPOSITORY, "tag": tag}


def test_second_time_nothing_changes(models: Path, directory: ContextDirectory) -> None:
    _, tag = directory.assemble(context(models), keep=5, check_mode=False)
    assert directory.assemble(context(models), keep=5, check_mode=False) == ([], tag)


def test_check_mode_writes_nothing(
    models: Path, directory: ContextDirectory, tmp_path: Path
) -> None:
    changes, tag = directory.assemble(context(models), keep=5, check_mode=True)
    assert changes == [CREATED]
    assert not (tmp_path / "images").exists()
    assert directory.assemble(context(models), keep=5, check_mode=False) == (changes, tag)


def test_tag_follows_content_and_path_only(models: Path) -> None:
    tag = context(models).tag()
    (models / "m" / "1" / "__pycache__").mkdir()
    (models / "m" / "1" / "__pycache__" / "model.pyc").write_bytes(b"x")
    os.utime(models / "m" / "config.pbtxt", (0, 0))
    assert context(models).tag() == tag
    assert context(models, "FROM other\n").tag() != tag
    (models / "m" / "1").rename(models / "m" / "2")
    assert context(models).tag() != tag


def test_context_changed_by_hand_is_written_anew(models: Path, directory: ContextDirectory) -> None:
    _, tag = directory.assemble(context(models), keep=5, check_mode=False)
    weights = directory.path(tag) / "models" / "m" / "1" / "model.onnx"
    weights.write_bytes(b"other")
    assert directory.assemble(context(models), keep=5, check_mode=False) == ([SAME_AGAIN], tag)
    assert weights.read_bytes() == b"weights"


def test_old_contexts_go_and_the_current_one_stays(
    models: Path, directory: ContextDirectory, tmp_path: Path
) -> None:
    tags = []
    for number in range(3):
        _, tag = directory.assemble(context(models, f"FROM {number}"), keep=3, check_mode=False)
        os.utime(directory.path(tag), (number, number))
        tags.append(tag)
    # The oldest is current again, so it counts as the newest.
    directory.assemble(context(models, "FROM 0"), keep=3, check_mode=False)
    (tmp_path / "images" / "notes").mkdir()
    planned = directory.planned(keep=2)
    changes, newest = directory.assemble(context(models, "FROM 3"), keep=2, check_mode=False)
    assert changes == planned
    removed = {change["name"] for change in changes if change["action"] == "delete"}
    assert removed == {f"{REPOSITORY}:{tag}" for tag in tags[1:]}
    left = {path.name for path in (tmp_path / "images").iterdir()}
    assert left == {tags[0], newest, "notes", "current.json"}


def test_what_an_interrupted_run_left_goes(
    models: Path, directory: ContextDirectory, tmp_path: Path
) -> None:
    (tmp_path / "images" / ".building-x" / "models").mkdir(parents=True)
    _, tag = directory.assemble(context(models), keep=5, check_mode=False)
    assert {path.name for path in (tmp_path / "images").iterdir()} == {tag, "current.json"}


def test_directory_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match="has no model"):
        context(tmp_path).tag()


def test_a_full_disk_is_told_and_leaves_what_was_there(
    models: Path, directory: ContextDirectory, tmp_path: Path
) -> None:
    _, first = directory.assemble(context(models), 5, False)
    (models / "m" / "1" / "model.onnx").write_bytes(b"x" * 100_000)
    with largest_file(50_000), pytest.raises(ContextError) as caught:
        directory.assemble(context(models), 5, False)
    message = r"cannot write /.*/models/m/1/model\.onnx: \[Errno 27\] File too large: .*"
    assert re.fullmatch(message, str(caught.value))
    assert {path.name for path in (tmp_path / "images").iterdir()} == {first, "current.json"}
    _, second = directory.assemble(context(models), 5, False)
    assert directory.holds(second)
