"""A packed repository holds the models that are asked for, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton_repository import (
    RepositoryError,
    run,
)


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    """Return the module's parameters over two models, one with a file in a version folder."""
    for file in ("a/config.pbtxt", "a/1/model.py", "a/1/__pycache__/model.pyc", "b/config.pbtxt"):
        path = tmp_path / "source" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return {
        "source": f"{tmp_path}/source",
        "dest": f"{tmp_path}/dest",
        "models": ["a", "b"],
        "keep": [],
    }


def files(folder: str) -> list[str]:
    root = Path(folder)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_pack_and_second_run(params: dict[str, Any]) -> None:
    first = run(params, check_mode=False, diff=False)
    assert first["changed"]
    assert first["copied"] == files(params["dest"])
    assert first["copied"] == ["a/1/model.py", "a/config.pbtxt", "b/config.pbtxt"]
    second = run(params, check_mode=False, diff=False)
    assert second == {"changed": False, "copied": [], "removed": [], "dest": params["dest"]}


def test_check_mode_and_diff(params: dict[str, Any]) -> None:
    run(params, check_mode=False, diff=False)
    before = files(params["dest"])
    (Path(params["source"]) / "a/config.pbtxt").write_text("changed")
    planned = run(params | {"models": ["a"]}, check_mode=True, diff=True)
    assert files(params["dest"]) == before
    assert (planned["copied"], planned["removed"]) == (["a/config.pbtxt"], ["b/config.pbtxt"])
    lines = {side: planned["diff"][side].splitlines() for side in ("before", "after")}
    assert [line.split()[0] for line in lines["before"]] == ["a/config.pbtxt", "b/config.pbtxt"]
    assert [line.split()[0] for line in lines["after"]] == ["a/config.pbtxt"]
    assert lines["before"][0] != lines["after"][0]
    real = run(params | {"models": ["a"]}, check_mode=False, diff=True)
    assert real == planned


def test_what_is_kept_and_what_goes(params: dict[str, Any]) -> None:
    dest = Path(params["dest"])
    for file in ("a/1/model.onnx", "a/1/model.onnx.json", "b/1/model.onnx", "old/1/model.onnx"):
        (dest / file).parent.mkdir(parents=True, exist_ok=True)
        (dest / file).touch()
    result = run(params | {"keep": [f"{dest}/a/1/model.onnx"]}, check_mode=False, diff=False)
    assert result["removed"] == ["b/1/model.onnx", "old/1/model.onnx"]
    assert {"a/1/model.onnx", "a/1/model.onnx.json"} <= set(files(params["dest"]))
    assert not (dest / "old").exists()


def test_an_unknown_model(params: dict[str, Any]) -> None:
    with pytest.raises(RepositoryError, match=r"has no model c with a config\.pbtxt"):
        run(params | {"models": ["a", "c"]}, check_mode=True, diff=False)


def test_an_unwritable_folder(params: dict[str, Any]) -> None:
    Path(params["dest"]).touch()
    with pytest.raises(RepositoryError, match="dest: cannot write"):
        run(params, check_mode=False, diff=False)
