"""Old versions go, but never one that something still needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    release as model_release,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    repository as triton_repository,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.registry import (
    released_versions,
)
from support.fake_exports import Workshop
from support.fake_triton import FakeTriton

INDEX = "/v2/repository/index"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Return a folder with four releases of one model."""
    workshop = Workshop(tmp_path)
    for version in (1, 2, 3, 4):
        workshop.export(workshop.declare(version), version)
        release(workshop, workshop.declare(version))
    return workshop


def release(workshop: Workshop, *models: dict[str, Any], **options: Any) -> dict[str, Any]:
    return model_release.run(workshop.releasing(*models, **options), False, False)


def versions(workshop: Workshop) -> list[int]:
    return released_versions(workshop.releases, "scale")


def pruned(result: dict[str, Any]) -> list[int]:
    assert {entry["name"] for entry in result["pruned"]} <= {"scale"}
    return [entry["version"] for entry in result["pruned"]]


def kept(result: dict[str, Any]) -> dict[int, str]:
    return {entry["version"]: entry["reason"] for entry in result["kept"]}


def ready(*served: int, state: str = "READY") -> list[dict[str, str]]:
    return [{"name": "scale", "version": str(each), "state": state} for each in served]


def test_the_newest_are_kept(workshop: Workshop) -> None:
    result = release(workshop, workshop.declare(4), keep=4)
    assert (result["changed"], result["pruned"], result["kept"]) == (False, [], [])
    result = release(workshop, workshop.declare(4), keep=2)
    assert (result["changed"], pruned(result), result["kept"]) == (True, [1, 2], [])
    assert versions(workshop) == [3, 4]
    assert not release(workshop, workshop.declare(4), keep=2)["changed"]


def test_a_new_version_counts(workshop: Workshop) -> None:
    workshop.export(workshop.declare(5), 5.0)
    planned = model_release.run(workshop.releasing(workshop.declare(5), keep=4), True, True)
    assert pruned(planned) == [1]
    assert [(change["action"], change["name"]) for change in planned["changes"]] == [
        ("create", "scale/5"),
        ("delete", "scale/1"),
    ]
    before = (workshop.releases / "scale" / "1" / "manifest.json").read_text()
    assert [(each["before"] != "", each["after"] != "") for each in planned["diff"]] == [
        (False, True),
        (True, False),
    ]
    assert planned["diff"][1]["before"] == before
    assert versions(workshop) == [1, 2, 3, 4]
    assert pruned(release(workshop, workshop.declare(5), keep=4)) == [1]
    assert versions(workshop) == [2, 3, 4, 5]


def test_other_models_are_left_alone(workshop: Workshop) -> None:
    assert release(workshop, workshop.folder_model(), keep=1)["pruned"] == []
    assert versions(workshop) == [1, 2, 3, 4]


def test_a_declared_version_stays(workshop: Workshop) -> None:
    workshop.source(1)
    result = release(workshop, workshop.declare(1), keep=2)
    assert (pruned(result), kept(result)) == ([2], {1: "it is declared"})


def test_a_version_that_the_policy_serves_stays(workshop: Workshop) -> None:
    policy = {"version_policy": {"latest": {"num_versions": 3}}}
    model = workshop.declare(4, config=policy)
    workshop.export(model, 4)
    result = release(workshop, model, keep=1)
    assert pruned(result) == [1]
    assert kept(result) == dict.fromkeys([2, 3], "the declared version_policy serves it")


def test_a_packed_version_stays(workshop: Workshop) -> None:
    triton_repository.run(workshop.packing(workshop.declare(2)), False, False)
    result = release(workshop, workshop.declare(4), keep=1)
    assert (pruned(result), kept(result)) == ([1, 3], {2: f"it is packed in {workshop.dest}"})


def test_without_a_repository_none_is_packed(workshop: Workshop) -> None:
    result = release(workshop, workshop.declare(4), keep=1, repository=None)
    assert pruned(result) == [1, 2, 3]


@pytest.mark.parametrize("state", ["READY", "LOADING", "UNLOADING"])
def test_a_served_version_stays(workshop: Workshop, state: str) -> None:
    with FakeTriton() as idle, FakeTriton() as triton:
        idle.teach(INDEX, [{"name": "other", "version": "1", "state": "READY"}])
        triton.teach(INDEX, [*ready(1, state=state), *ready(2, state="UNAVAILABLE"), *ready(4)])
        servers = [idle.url, triton.url]
        result = release(workshop, workshop.declare(4), keep=1, served_by=servers)
        assert (pruned(result), kept(result)) == ([2, 3], {1: f"{triton.url} serves it"})
    assert versions(workshop) == [1, 4]


def test_an_unloaded_version_has_no_state(workshop: Workshop) -> None:
    with FakeTriton() as triton:
        triton.teach(INDEX, [{"name": "scale", "version": "1"}])
        result = release(workshop, workshop.declare(4), keep=3, served_by=[triton.url])
    assert pruned(result) == [1]


def test_nothing_goes_as_long_as_a_server_is_silent(workshop: Workshop) -> None:
    with FakeTriton() as triton:
        triton.teach(INDEX, [])
        gone = triton.url
    with FakeTriton() as triton:
        triton.teach(INDEX, [])
        servers = [triton.url, gone]
        result = release(workshop, workshop.declare(4), keep=2, served_by=servers)
    assert (result["changed"], result["pruned"]) == (False, [])
    for reason in kept(result).values():
        assert reason.startswith(f"{gone} does not say what it serves: ")
        assert "does not answer" in reason
    assert versions(workshop) == [1, 2, 3, 4]


@pytest.mark.parametrize("answer", [b"<html>", {"models": []}, [{"state": "READY"}], [1], None])
def test_what_is_no_triton_keeps_everything(workshop: Workshop, answer: Any) -> None:
    with FakeTriton() as other:
        other.teach(INDEX, answer)
        result = release(workshop, workshop.declare(4), keep=3, served_by=[other.url])
    assert result["pruned"] == []
    assert other.url in kept(result)[1]


def test_no_server_is_asked_in_vain(workshop: Workshop) -> None:
    with FakeTriton() as triton:
        release(workshop, workshop.declare(4), keep=4, served_by=[triton.url])
        workshop.source(1)
        release(workshop, workshop.declare(1), keep=3, served_by=[triton.url])
    assert triton.requests == []


def test_address_that_is_none(workshop: Workshop) -> None:
    with pytest.raises(ModelError, match=r"served_by: .*triton:8000"):
        release(workshop, workshop.declare(4), served_by=["triton:8000"])


def test_at_least_one_is_kept(workshop: Workshop) -> None:
    with pytest.raises(ModelError, match="keep is 0: it must be at least 1"):
        release(workshop, workshop.declare(4), keep=0)


def test_interrupted_removal_converges(workshop: Workshop) -> None:
    folder = workshop.releases / "scale"
    (folder / "1").rename(folder / ".pruning-1")
    (folder / ".pruning-1" / "manifest.json").unlink()
    assert versions(workshop) == [2, 3, 4]
    release(workshop, workshop.declare(4))
    assert {path.name for path in folder.iterdir()} == {"2", "3", "4"}
