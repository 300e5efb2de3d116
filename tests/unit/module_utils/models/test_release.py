"""A version is released once and for good, in one step, whatever happens meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    release as model_release,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    Declaration,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.registry import Release
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from support.fake_exports import Workshop, tree

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = 30


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def run(params: dict[str, Any], check_mode: bool = False, diff: bool = False) -> dict[str, Any]:
    return model_release.run(params, check_mode, diff, clock=lambda: NOW)


def states(result: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(model["name"], model["version"], model["state"]) for model in result["models"]]


def test_release_and_second_run(workshop: Workshop) -> None:
    model, labels = workshop.declare(), workshop.folder_model()
    workshop.export(model)
    first = run(workshop.releasing(model, labels))
    assert first["changed"]
    assert states(first) == [("scale", 1, "released"), ("labels", 1, "released")]
    content = tree(workshop.releases)
    assert list(content) == [
        "labels/1/golden.json",
        "labels/1/labels.txt",
        "labels/1/manifest.json",
        "labels/1/sbom.cdx.json",
        "scale/1/golden.json",
        "scale/1/manifest.json",
        "scale/1/model.onnx",
        "scale/1/sbom.cdx.json",
    ]
    modes = {stat.S_IMODE((workshop.releases / path).stat().st_mode) for path in content}
    assert modes == {0o444}
    second = run(workshop.releasing(model, labels))
    assert not second["changed"]
    assert states(second) == [("scale", 1, "unchanged"), ("labels", 1, "unchanged")]
    assert second["models"][0]["digest"] == first["models"][0]["digest"]
    assert tree(workshop.releases) == content


def test_manifest_and_bill_of_materials(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model, random_weights=True)
    [result] = run(workshop.releasing(model))["models"]
    release = Release.read(workshop.releases / "scale" / "1")
    release.verify()
    assert release.digest == result["digest"]
    assert result["path"] == str(release.path)
    assert result["random_weights"] is True
    assert release.manifest["created"] == "2026-01-02T03:04:05+00:00"
    exported = Declaration.of(model, workshop.folder).digest()
    assert release.manifest["source_digest"] == exported
    text = (release.path / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_other_content_under_a_released_version_is_refused(workshop: Workshop) -> None:
    other, model = workshop.declare(name="other"), workshop.declare()
    workshop.export(model)
    before = run(workshop.releasing(model))["models"][0]["digest"]
    workshop.export(model, 3.0)
    workshop.export(other, 3.0)
    content = tree(workshop.releases)
    with pytest.raises(ModelError) as caught:
        run(workshop.releasing(other, model))
    # Nothing is written for the other model either.
    assert tree(workshop.releases) == content
    after = run(workshop.releasing(other))["models"][0]["digest"]
    assert str(caught.value) == (
        f"scale: version 1 is released with the digest {before}, and what is declared now has "
        f"{after}. These files differ: golden.json, model.onnx. Declare it as another version"
    )


def test_golden_answers_may_be_rounded_otherwise(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model)
    run(workshop.releasing(model))
    content = tree(workshop.releases)
    workshop.export(model, rounding=model["tolerance"] / 2)
    assert states(run(workshop.releasing(model))) == [("scale", 1, "unchanged")]
    assert tree(workshop.releases) == content


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"rounding": 0.5}, id="other answers"),
        pytest.param({"tolerance": 0.5}, id="another tolerance"),
    ],
)
def test_other_golden_answers_are_refused(workshop: Workshop, change: dict[str, Any]) -> None:
    workshop.export(workshop.declare())
    run(workshop.releasing(workshop.declare()))
    model = workshop.declare() | {name: change[name] for name in change if name == "tolerance"}
    workshop.export(model, rounding=change.get("rounding", 0.0))
    with pytest.raises(ModelError, match=r"These files differ: golden\.json\. Declare it as"):
        run(workshop.releasing(model))


def test_another_version_has_its_own_release(workshop: Workshop) -> None:
    workshop.export(workshop.declare())
    run(workshop.releasing(workshop.declare()))
    workshop.export(workshop.declare(2), 3.0)
    result = run(workshop.releasing(workshop.declare(2)))
    assert states(result) == [("scale", 2, "released")]
    assert Release.read(workshop.releases / "scale" / "1").digest != result["models"][0]["digest"]


def test_new_version_needs_a_higher_number(workshop: Workshop) -> None:
    for version in (2, 4):
        workshop.export(workshop.declare(version))
        run(workshop.releasing(workshop.declare(version)))
    workshop.export(workshop.declare(3))
    with pytest.raises(
        ModelError,
        match="scale: version 3 is not released, but 4 is: a new version needs a higher number",
    ):
        run(workshop.releasing(workshop.declare(3)))
    assert states(run(workshop.releasing(workshop.declare(2)))) == [("scale", 2, "unchanged")]


def test_several_versions_in_any_order(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [workshop.declare(version) for version in (3, 1)]
    for model in models:
        workshop.export(model)
    copy = model_release.copy

    def failing(source: Path, *arguments: Any) -> None:
        if any((workshop.releases / "scale").glob("[0-9]*")):
            raise OSError("the disk is gone")
        copy(source, *arguments)

    monkeypatch.setattr(model_release, "copy", failing)
    with pytest.raises(ModelError, match="the disk is gone"):
        run(workshop.releasing(*models))
    monkeypatch.undo()
    # The lower one came first, or it could not be released any more.
    result = run(workshop.releasing(*models))
    assert states(result) == [("scale", 3, "released"), ("scale", 1, "unchanged")]


@pytest.mark.parametrize("check_mode", [False, True])
def test_release_that_was_tampered_with(workshop: Workshop, check_mode: bool) -> None:
    model = workshop.declare()
    workshop.export(model)
    run(workshop.releasing(model))
    path = workshop.releases / "scale" / "1" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model\.onnx has been changed: its sha256 is .*, on rec"):
        run(workshop.releasing(model), check_mode)


def test_directory_in_the_place_of_a_release(workshop: Workshop) -> None:
    workshop.export(workshop.declare())
    (workshop.releases / "scale" / "1").mkdir(parents=True)
    with pytest.raises(ModelError, match=r"scale/1 is not a release: it has no manifest\.json"):
        run(workshop.releasing(workshop.declare()))


def test_export_that_is_missing(workshop: Workshop) -> None:
    workshop.source()
    with pytest.raises(ModelError, match=r"scale: there is no .*export\.json: run onnx_export fi"):
        run(workshop.releasing(workshop.declare()))


def test_check_mode_from_nothing(workshop: Workshop) -> None:
    workshop.source()
    labels = workshop.folder_model()
    planned = run(workshop.releasing(workshop.declare(), labels), check_mode=True, diff=True)
    assert planned["changed"]
    assert states(planned) == [("scale", 1, "released"), ("labels", 1, "released")]
    assert planned["changes"] == [
        {"action": "create", "type": "ModelRelease", "name": "scale/1"},
        {"action": "create", "type": "ModelRelease", "name": "labels/1"},
    ]
    assert planned["models"][0]["digest"] is None
    [shown] = planned["diff"]
    assert shown["after_header"].endswith("labels/1/manifest.json")
    assert not workshop.releases.exists()


def test_check_mode_and_diff(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model)
    planned = run(workshop.releasing(model), check_mode=True, diff=True)
    assert not workshop.releases.exists()
    assert run(workshop.releasing(model), diff=True) == planned
    [shown] = planned["diff"]
    path = workshop.releases / "scale" / "1" / "manifest.json"
    assert (shown["before"], shown["after"]) == ("", path.read_text())
    assert run(workshop.releasing(model), diff=True)["diff"] == []


def test_check_mode_without_the_export_of_a_release(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model)
    run(workshop.releasing(model))
    (workshop.exports / "scale" / "1" / "export.json").unlink()
    same = run(workshop.releasing(model), check_mode=True)
    assert (same["changed"], states(same)) == (False, [("scale", 1, "unchanged")])
    workshop.source(3.0)
    other = run(workshop.releasing(model), check_mode=True)
    assert (other["changed"], states(other)) == (False, [("scale", 1, "unknown")])


def publish(params: dict[str, Any], die_at: str | None, begin: Any, answers: Any) -> None:
    """Publish as another process; with die_at, kill it just before that file is copied."""
    copy = model_release.copy

    def dying(source: Path, *arguments: Any) -> None:
        if source.name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        copy(source, *arguments)

    pytest.MonkeyPatch().setattr(model_release, "copy", dying)
    begin.wait(SECONDS)
    try:
        answers.send(states(run(params)))
    except ModelError as error:
        answers.send(str(error))


class Publisher:
    """Another process that publishes as soon as it may begin."""

    def __init__(self, params: dict[str, Any], die_at: str | None = None) -> None:
        context = multiprocessing.get_context("fork")
        self.begin = context.Event()
        self.answers, sender = context.Pipe(duplex=False)
        arguments = (params, die_at, self.begin, sender)
        self.process = context.Process(target=publish, args=arguments, daemon=True)
        self.process.start()

    def answer(self) -> Any:
        """Return what has come of it."""
        assert self.answers.poll(SECONDS)
        self.process.join(SECONDS)
        return self.answers.recv()


def test_interrupted_publication_converges(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model)
    publisher = Publisher(workshop.releasing(model), die_at="golden.json")
    publisher.begin.set()
    publisher.process.join(SECONDS)
    assert publisher.process.exitcode == -signal.SIGKILL
    assert list(tree(workshop.releases)) == ["scale/.publishing-1/model.onnx"]
    assert states(run(workshop.releasing(model))) == [("scale", 1, "released")]
    assert {path.name for path in (workshop.releases / "scale").iterdir()} == {"1"}
    Release.read(workshop.releases / "scale" / "1").verify()


def test_publishers_do_not_race(workshop: Workshop) -> None:
    """One of them releases; the others find what it has released, equal or not."""
    model = workshop.declare()
    workshop.export(model)
    rival = Workshop(workshop.folder / "rival")
    rival.folder.mkdir()
    rival.export(model, 3.0)
    params = [
        workshop.releasing(model),
        workshop.releasing(model),
        rival.releasing(model, releases=str(workshop.releases)),
    ]
    publishers = [Publisher(each) for each in params]
    with model_release.locked(workshop.releases):
        for publisher in publishers:
            publisher.begin.set()
        # Nobody gets anywhere as long as somebody else publishes.
        assert not any(publisher.answers.poll(0.2) for publisher in publishers)
        assert tree(workshop.releases) == {}
    answers = [publisher.answer() for publisher in publishers]
    same, won = answers[:2], [("scale", 1, "released")]
    if won in same:
        assert sorted(same) == [won, [("scale", 1, "unchanged")]]
        assert "version 1 is released with the digest" in answers[2]
    else:
        assert answers[2] == won
        assert all("version 1 is released with the digest" in answer for answer in same)
    Release.read(workshop.releases / "scale" / "1").verify()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let this process write no file larger than that, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_full(workshop: Workshop) -> None:
    labels = workshop.folder_model(text="x" * 100_000)
    with (
        largest_file(50_000),
        pytest.raises(ModelError, match=r"releases: cannot write .*File too"),
    ):
        run(workshop.releasing(labels))
    assert tree(workshop.releases) == {}
    assert states(run(workshop.releasing(labels))) == [("labels", 1, "released")]


def test_unwritable_folder(workshop: Workshop) -> None:
    workshop.releases.touch()
    with pytest.raises(ModelError, match="releases: cannot write"):
        run(workshop.releasing(workshop.folder_model()))


def test_file_that_changes_meanwhile(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    model = workshop.declare()
    workshop.export(model)
    copy = model_release.copy

    def late(source: Path, *arguments: Any) -> None:
        source.write_bytes(b"other")
        copy(source, *arguments)

    monkeypatch.setattr(model_release, "copy", late)
    with pytest.raises(ModelError, match=r"model\.onnx has been changed"):
        run(workshop.releasing(model))
    assert tree(workshop.releases) == {}


def test_second_run_is_fast(workshop: Workshop) -> None:
    labels = workshop.folder_model()
    with (workshop.folder / "labels" / "1" / "weights.bin").open("wb") as file:
        file.truncate(100_000_000)
    run(workshop.releasing(labels))
    before = datetime.now(UTC)
    run(workshop.releasing(labels))
    # 0.3 s alone on this size; other tests run beside it.
    assert (datetime.now(UTC) - before).total_seconds() < 2


def test_manifest_is_plain_json(workshop: Workshop) -> None:
    run(workshop.releasing(workshop.folder_model()))
    document = json.loads((workshop.releases / "labels" / "1" / "manifest.json").read_bytes())
    assert {"name", "version", "digest", "files", "source", "created", "sbom"} <= document.keys()
