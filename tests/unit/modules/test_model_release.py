"""The modules model_release and triton_repository, as Ansible calls them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from support.fake_exports import Workshop, tree

SCALE = {"name": "scale", "source": "scale.py:build"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(name: str, **options: Any) -> dict[str, Any]:
        module = importlib.import_module(
            f"ansible_collections.mlops.gpu_platform.plugins.modules.{name}"
        )
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_release_then_pack(run: Any, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.export(workshop.declare())
    workshop.folder_model()
    shared = {
        "chdir": str(tmp_path),
        "models": [SCALE, {"name": "labels", "folder": "labels"}],
        "releases": str(workshop.releases),
    }
    releasing = shared | {"exports": str(workshop.exports), "repository": str(workshop.dest)}
    packing = shared | {"dest": str(workshop.dest)}
    looking = {"_ansible_check_mode": True, "_ansible_diff": True}

    assert run("model_release", **releasing, **looking)["changed"]
    assert run("triton_repository", **packing, **looking)["changed"]
    assert not workshop.releases.exists()
    assert not workshop.dest.exists()

    released = run("model_release", **releasing)
    assert [model["state"] for model in released["models"]] == ["released", "released"]
    packed = run("triton_repository", **packing)
    assert packed["copied"] == list(tree(workshop.dest))
    for name, options in (("model_release", releasing), ("triton_repository", packing)):
        assert run(name, **options)["changed"] is False
        planned = run(name, **options, **looking)
        assert (planned["changed"], planned["diff"]) == (False, [])


def test_a_refusal_is_one_sentence(run: Any, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.source()
    shared = {"chdir": str(tmp_path), "models": [SCALE], "releases": str(workshop.releases)}
    refused = run("model_release", **shared, exports=str(workshop.exports))
    assert refused["failed"]
    assert refused["msg"].startswith("scale: there is no ")
    refused = run("triton_repository", **shared, dest=str(workshop.dest))
    assert refused["msg"] == "scale: version 1 is not released; released are: none"
