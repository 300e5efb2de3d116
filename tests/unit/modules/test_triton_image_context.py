"""The module triton_image_context, as Ansible calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.modules import triton_image_context


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "path": str(tmp_path / "images"),
            "repository": "registry.example.com/triton",
            "model_repository": str(tmp_path / "models"),
            "texts": {"Dockerfile": "FROM base\n"},
            "_ansible_check_mode": check_mode,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            triton_image_context.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_context_is_assembled_once(run: Any, tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "config.pbtxt").write_text("")
    planned, first, second = run(check_mode=True), run(), run()
    assert planned["tag"] == first["tag"] == second["tag"]
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert first["context"] == str(tmp_path / "images" / first["tag"])
    assert first["diff"]["before"] == {}
    assert second["diff"]["before"] == second["diff"]["after"]


def test_plan_before_there_are_models(run: Any) -> None:
    result = run(check_mode=True)
    assert result["changed"]
    assert result["tag"] == "planned"


def test_plan_before_other_models_are_packed(run: Any, tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "config.pbtxt").write_text("")
    first = run(models_change=True)
    planned = run(check_mode=True, models_change=True)
    assert (first["tag"] != "planned", planned["tag"]) == (True, "planned")
    [change] = planned["changes"]
    assert (change["action"], change["fields"]) == ("update", ["tag"])


def test_missing_models_are_an_error(run: Any, tmp_path: Path) -> None:
    result = run()
    assert result["failed"]
    assert f"{tmp_path}/models has no model" in result["msg"]
