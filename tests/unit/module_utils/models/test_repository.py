"""A packed repository holds the releases that are to be served, and nothing else."""

from __future__ import annotations

import resource
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    config as model_config,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    release as model_release,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    repository as triton_repository,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.registry import Release
from support.fake_exports import Workshop, tree

RECORDS = ["golden.json", "manifest.json", "model.onnx", "sbom.cdx.json"]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def release(workshop: Workshop, *models: dict[str, Any], factor: float = 2.0) -> None:
    """Release models; an exported one from an export that is made first."""
    for model in models:
        if model["source"]:
            workshop.export(model, factor * model["version"])
        model_release.run(workshop.releasing(model, keep=9), False, False)


def pack(workshop: Workshop, *models: dict[str, Any], **options: Any) -> dict[str, Any]:
    return triton_repository.run(workshop.packing(*models, **options), False, True)


def config(workshop: Workshop, name: str = "scale") -> Any:
    return model_config.parse(name, (workshop.dest / name / "config.pbtxt").read_text())


def packed(workshop: Workshop) -> list[int]:
    return sorted(int(path.name) for path in (workshop.dest / "scale").iterdir() if path.is_dir())


def test_pack_and_second_run(workshop: Workshop) -> None:
    models = [workshop.declare(), workshop.folder_model()]
    release(workshop, *models)
    first = pack(workshop, *models)
    assert first["changed"]
    assert first["copied"] == list(tree(workshop.dest))
    assert first["copied"] == [
        "labels/1/golden.json",
        "labels/1/labels.txt",
        "labels/1/manifest.json",
        "labels/1/sbom.cdx.json",
        "labels/config.pbtxt",
        *(f"scale/1/{name}" for name in RECORDS),
        "scale/config.pbtxt",
    ]
    for path, content in tree(workshop.releases).items():
        assert (workshop.dest / path).read_bytes() == content
        assert stat.S_IMODE((workshop.dest / path).stat().st_mode) == 0o644
        assert not (workshop.dest / path).samefile(workshop.releases / path)
    times = {path: path.stat().st_mtime_ns for path in workshop.dest.rglob("*")}
    second = pack(workshop, *models)
    assert second == {
        "changed": False,
        "changes": [],
        "copied": [],
        "removed": [],
        "dest": str(workshop.dest),
        "diff": [],
    }
    assert {path: path.stat().st_mtime_ns for path in workshop.dest.rglob("*")} == times


def test_config_follows_from_declaration_and_release(workshop: Workshop) -> None:
    model = workshop.declare(config={"max_batch_size": 4})
    release(workshop, model)
    pack(workshop, model)
    found = config(workshop)
    assert (found.name, found.max_batch_size) == ("scale", 4)
    assert [(tensor.name, list(tensor.dims)) for tensor in found.input] == [("x", [3])]
    digest = Release.read(workshop.releases / "scale" / "1").digest
    assert found.parameters["release.1"].string_value == digest
    assert "random_weights.1" not in found.parameters
    assert not found.HasField("version_policy")


def test_config_of_a_folder(workshop: Workshop) -> None:
    model = workshop.folder_model() | {"config": {"max_batch_size": 2}}
    release(workshop, model)
    pack(workshop, model)
    found = config(workshop, "labels")
    assert (found.backend, found.max_batch_size) == ("python", 2)
    digest = Release.read(workshop.releases / "labels" / "1").digest
    assert found.parameters["release.1"].string_value == digest


def test_random_weights_are_said_to_be(workshop: Workshop) -> None:
    model = workshop.declare()
    workshop.export(model, random_weights=True)
    model_release.run(workshop.releasing(model), False, False)
    pack(workshop, model)
    assert config(workshop).parameters["random_weights.1"].string_value == "true"


@pytest.mark.parametrize(
    ("policy", "declared", "versions"),
    [
        (None, [4], [4]),
        (None, [2], [2]),
        (None, [1, 3], [1, 3]),
        ({"latest": {"num_versions": 1}}, [4], [4]),
        ({"latest": {"num_versions": 2}}, [4], [3, 4]),
        ({"latest": {"num_versions": 2}}, [3], [2, 3]),
        ({"latest": {"num_versions": 9}}, [2], [1, 2]),
        ({"specific": {"versions": [1, 4]}}, [4], [1, 4]),
        ({"specific": {"versions": [4, 2]}}, [2], [2, 4]),
        ({"all": {}}, [4], [1, 2, 3, 4]),
        ({"all": {}}, [2], [1, 2]),
    ],
)
def test_versions_are_those_of_the_policy(
    workshop: Workshop, policy: dict[str, Any] | None, declared: list[int], versions: list[int]
) -> None:
    release(workshop, *(workshop.declare(version) for version in (1, 2, 3, 4)))
    given = {"version_policy": policy} if policy else {}
    pack(workshop, *(workshop.declare(version, config=given) for version in declared))
    assert packed(workshop) == versions
    found = config(workshop)
    for version in versions:
        digest = Release.read(workshop.releases / "scale" / str(version)).digest
        assert found.parameters[f"release.{version}"].string_value == digest
    if len(declared) > 1:
        assert list(found.version_policy.specific.versions) == versions


def test_rollback_takes_the_newer_version_away(workshop: Workshop) -> None:
    release(workshop, workshop.declare(1), workshop.declare(2))
    pack(workshop, workshop.declare(2))
    result = pack(workshop, workshop.declare(1))
    assert packed(workshop) == [1]
    assert "scale/2/model.onnx" in result["removed"]
    assert not (workshop.dest / "scale" / "2").exists()


def test_version_that_is_not_released(workshop: Workshop) -> None:
    release(workshop, workshop.declare(2))
    workshop.source()
    with pytest.raises(ModelError, match="scale: version 3 is not released; released are: 2"):
        pack(workshop, workshop.declare(3))
    policy = {"version_policy": {"specific": {"versions": [1, 2]}}}
    with pytest.raises(ModelError, match="scale: version 1 is not released; released are: 2"):
        pack(workshop, workshop.declare(2, config=policy))
    with pytest.raises(ModelError, match="labels: version 1 is not released; released are: none"):
        pack(workshop, workshop.folder_model())
    assert not workshop.dest.exists()


def test_policy_that_leaves_out_what_is_declared(workshop: Workshop) -> None:
    release(workshop, workshop.declare(1), workshop.declare(2))
    policy = {"version_policy": {"latest": {"num_versions": 1}}}
    models = [workshop.declare(version, config=policy) for version in (1, 2)]
    with pytest.raises(
        ModelError,
        match="scale: version 1 is declared, but its version_policy serves only: 2",
    ):
        pack(workshop, *models)


def test_version_that_does_not_fit_the_configuration(workshop: Workshop) -> None:
    release(workshop, workshop.declare(1))
    path = workshop.releases / "scale" / "1" / "manifest.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"name": "x"', '"name": "z"'))
    release(workshop, workshop.declare(2))
    with pytest.raises(ModelError, match=r"scale 1: input \['x'\] of the configuration is not in"):
        pack(workshop, workshop.declare(1), workshop.declare(2))


def test_tensorrt_is_for_exported_models(workshop: Workshop) -> None:
    models = [workshop.declare(precision="fp16"), workshop.folder_model()]
    release(workshop, *models)
    pack(workshop, *models, tensorrt=True)
    optimization = config(workshop).optimization.execution_accelerators
    assert [each.name for each in optimization.gpu_execution_accelerator] == ["tensorrt"]
    assert not config(workshop, "labels").HasField("optimization")
    cpu = workshop.declare(config={"instance_group": [{"kind": "KIND_CPU"}]}, precision="fp16")
    with pytest.raises(ModelError, match="scale: TensorRT needs a GPU"):
        pack(workshop, cpu, tensorrt=True)


def test_bad_configuration(workshop: Workshop) -> None:
    release(workshop, workshop.declare())
    with pytest.raises(ModelError, match="scale: config has no field 'max_batch'"):
        pack(workshop, workshop.declare(config={"max_batch": 1}))
    labels = workshop.folder_model(config="{")
    with pytest.raises(ModelError, match=r"labels: config\.pbtxt line 1"):
        pack(workshop, labels)
    path = workshop.folder / "labels" / "config.pbtxt"
    path.write_bytes(b"\xff")
    with pytest.raises(ModelError, match=r"labels: cannot read .*config\.pbtxt"):
        pack(workshop, labels)


def test_check_mode_and_diff(workshop: Workshop) -> None:
    labels = workshop.folder_model()
    release(workshop, workshop.declare(1), workshop.declare(2), labels)
    pack(workshop, workshop.declare(1), labels)
    before = tree(workshop.dest)
    params = workshop.packing(workshop.declare(2))
    planned = triton_repository.run(params, True, True)
    assert tree(workshop.dest) == before
    assert {path.split("/")[0] for path in planned["removed"]} == {"labels", "scale"}
    assert planned["copied"][-1] == "scale/config.pbtxt"
    files, scale, gone = planned["diff"]
    assert [line.split()[0] for line in files["after"].splitlines()] == planned["copied"]
    assert "scale/1/model.onnx" in files["before"]
    assert scale["before_header"] == str(workshop.dest / "scale" / "config.pbtxt")
    assert ("release.1" in scale["before"], "release.2" in scale["after"]) == (True, True)
    assert (gone["before"] != "", gone["after"]) == (True, "")
    assert triton_repository.run(params, False, True) == planned


def test_check_mode_from_nothing(workshop: Workshop) -> None:
    workshop.source()
    models = [workshop.declare(), workshop.folder_model()]
    planned = triton_repository.run(workshop.packing(*models), True, True)
    assert planned["changed"]
    assert planned["copied"] == [
        "labels/1/",
        "labels/config.pbtxt",
        "scale/1/",
        "scale/config.pbtxt",
    ]
    assert planned["changes"] == [
        {"action": "create", "type": "TritonModel", "name": "labels"},
        {"action": "create", "type": "TritonModel", "name": "scale"},
    ]
    assert not workshop.dest.exists()


def test_check_mode_before_a_new_version(workshop: Workshop) -> None:
    release(workshop, workshop.declare(1))
    pack(workshop, workshop.declare(1))
    planned = triton_repository.run(workshop.packing(workshop.declare(2)), True, True)
    assert planned["copied"] == ["scale/2/", "scale/config.pbtxt"]
    assert planned["removed"] == [f"scale/1/{name}" for name in RECORDS]
    [change] = planned["changes"]
    assert (change["action"], change["fields"]) == ("update", ["1", "2", "config.pbtxt"])


def test_everything_else_is_removed(workshop: Workshop) -> None:
    model = workshop.declare()
    release(workshop, model)
    pack(workshop, model)
    extra = [
        "old/1/__pycache__/model.pyc",
        "old/1/model.onnx",
        "scale/1/.packing-model.onnx",
        "scale/canary.json",
        "README",
    ]
    for path in extra:
        (workshop.dest / path).parent.mkdir(parents=True, exist_ok=True)
        (workshop.dest / path).touch()
    (workshop.dest / "link").symlink_to(workshop.releases)
    result = pack(workshop, model)
    assert result["removed"] == sorted([*extra, "link"])
    assert [(change["action"], change["name"]) for change in result["changes"]] == [
        ("delete", "README"),
        ("delete", "link"),
        ("delete", "old"),
        ("update", "scale"),
    ]
    assert not (workshop.dest / "old").exists()
    assert (workshop.releases / "scale" / "1" / "model.onnx").exists()


def test_what_python_wrote_beside_a_served_model_is_left_alone(workshop: Workshop) -> None:
    model = workshop.declare()
    release(workshop, model)
    pack(workshop, model)
    cache = workshop.dest / "scale" / "1" / "__pycache__" / "model.pyc"
    cache.parent.mkdir()
    cache.touch()
    assert not pack(workshop, model)["changed"]
    assert cache.exists()


@pytest.mark.parametrize("damage", ["content", "mode", "link", "missing"])
def test_damaged_file_is_repaired(workshop: Workshop, damage: str) -> None:
    model = workshop.declare()
    release(workshop, model)
    pack(workshop, model)
    path = workshop.dest / "scale" / "1" / "model.onnx"
    released = workshop.releases / "scale" / "1" / "model.onnx"
    if damage == "content":
        path.write_bytes(b"other")
    elif damage == "mode":
        path.chmod(0o600)
    else:
        path.unlink()
    if damage == "link":
        path.symlink_to(released)
    assert pack(workshop, model)["copied"] == ["scale/1/model.onnx"]
    assert path.read_bytes() == released.read_bytes()
    assert not path.is_symlink()
    assert not pack(workshop, model)["changed"]


def test_release_that_was_tampered_with(workshop: Workshop) -> None:
    model, labels = workshop.declare(), workshop.folder_model()
    release(workshop, model, labels)
    path = workshop.releases / "scale" / "1" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"model\.onnx has been changed: its sha256 is .*, on rec"):
        pack(workshop, labels, model)
    assert tree(workshop.dest) == {}


def test_disk_full_leaves_the_repository_as_it_was(workshop: Workshop) -> None:
    small, large = workshop.folder_model("small"), workshop.folder_model("large", "x" * 100_000)
    release(workshop, small, large)
    pack(workshop, small)
    before = tree(workshop.dest)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        with pytest.raises(ModelError, match=r"dest: cannot write .*File too large"):
            pack(workshop, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert tree(workshop.dest) == before
    pack(workshop, large)
    assert {path.name for path in workshop.dest.iterdir()} == {"large"}


def test_unwritable_folder(workshop: Workshop) -> None:
    labels = workshop.folder_model()
    release(workshop, labels)
    workshop.dest.touch()
    with pytest.raises(ModelError, match="dest: cannot write"):
        pack(workshop, labels)


def test_what_is_unchanged_is_not_written_again(workshop: Workshop) -> None:
    labels = workshop.folder_model()
    release(workshop, labels)
    pack(workshop, labels)

    def written() -> dict[Path, tuple[int, int]]:
        files = [path for path in workshop.dest.rglob("*") if path.is_file()]
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}

    before = written()
    assert before
    assert not pack(workshop, labels)["changed"]
    assert written() == before
