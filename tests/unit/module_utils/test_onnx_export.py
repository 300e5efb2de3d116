"""From a definition to a checked model.onnx: what is exported, kept, and refused."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils import onnx_export
from ansible_collections.mlops.gpu_platform.plugins.module_utils.onnx_export import (
    ExportError,
    check_function,
    check_space,
    run,
    sha256,
    validate,
)

DEFINITION = """
import torch
from torch.export import Dim

print("a definition may print")

class Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor([factor]))

    def forward(self, values):
        return self.factor * values

class Drifting(Scale):
    def forward(self, values):
        drift = 0.0 if torch.compiler.is_exporting() else 0.5
        return self.factor * values + drift

def build(weights=None, factor=2.0, kind=Scale):
    module = kind(factor)
    if weights:
        module.load_state_dict(torch.load(weights, weights_only=True))
    return {
        "module": module,
        "inputs": lambda batch: (torch.rand(batch, 3),),
        "input_names": ["values"],
        "output_names": ["scaled"],
        "dynamic_shapes": {"values": {0: Dim("batch")}},
        "random_weights": False,
    }

def drifting():
    return build(kind=Drifting)

def incomplete():
    return {"module": Scale(1.0)}
"""


def parameters(folder: Path) -> dict[str, Any]:
    """Return the module's parameters for a definition of one parameter."""
    (folder / "scale.py").write_text(DEFINITION)
    model = {
        "name": "scale",
        "version": 1,
        "source": "scale.py:build",
        "file": None,
        "weights": None,
        "source_options": {},
        "requirements": [],
        "opset": 20,
        "batch_sizes": [1, 2, 3],
        "tolerance": 1e-5,
    }
    return {"dest": f"{folder}/repository", "chdir": str(folder), "models": [model]}


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    return parameters(tmp_path)


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Return the file that params ask for."""
    return tmp_path / "repository" / "scale" / "1" / "model.onnx"


def export(params: dict[str, Any], check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    """Return the module's result, with what it says of its one model on the top level."""
    result = run(params | {"models": [params["models"][0] | changes]}, check_mode, diff=True)
    (model,) = result.pop("models")
    return result | model


def test_export_and_second_run(
    params: dict[str, Any], dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    import torch

    first = export(params)
    assert first["changed"]
    assert first["sha256"] == sha256(dest)
    assert first["bytes"] == dest.stat().st_size
    assert (first["opset_asked"], first["opset"], first["parameters"]) == (20, 20, 1)
    assert first["largest_difference"] <= 1e-5
    assert first["random_weights"] is False
    assert {path.name for path in dest.parent.iterdir()} == {"model.onnx", "model.onnx.json"}
    shape = onnx.load(dest).graph.input[0].type.tensor_type.shape
    assert [axis.dim_param or axis.dim_value for axis in shape.dim] == ["batch", 3]

    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: pytest.fail("exported again"))
    second = export(params)
    assert second == first | {"changed": False, "diff": []}


@pytest.mark.parametrize("content", [b"", b"tampered"])
def test_a_changed_file_is_exported_again(
    params: dict[str, Any], dest: Path, content: bytes
) -> None:
    first = export(params)
    dest.write_bytes(content)
    second = export(params)
    assert second["changed"]
    assert second["sha256"] == sha256(dest)
    assert second["digest"] == first["digest"]


def test_what_the_digest_covers(params: dict[str, Any], tmp_path: Path) -> None:
    def digest(**changes: Any) -> str:
        planned: str = export(params, check_mode=True, **changes)["digest"]
        return planned

    (tmp_path / "weights").write_bytes(b"1")
    (tmp_path / "other_weights").write_bytes(b"2")
    (tmp_path / "copy.py").write_text(DEFINITION)
    (tmp_path / "edited.py").write_text(DEFINITION + "\n")
    digests = [
        digest(),
        digest(source="edited.py:build"),
        digest(source="scale.py:drifting"),
        digest(weights="weights"),
        digest(weights="other_weights"),
        digest(source_options={"factor": 3.0}),
        digest(opset=19),
        digest(requirements=["pytest"]),
    ]
    assert len(set(digests)) == len(digests)
    assert digest(source="copy.py:build", name="copy", version=2) == digests[0]


def test_check_mode_writes_nothing(params: dict[str, Any], dest: Path) -> None:
    planned = export(params, check_mode=True)
    assert planned["changed"]
    (diff,) = planned["diff"]
    assert diff["before"] == ""
    assert planned["digest"] in diff["after"]
    assert not dest.parent.exists()


def test_weights_and_options_reach_the_function(
    params: dict[str, Any], dest: Path, tmp_path: Path
) -> None:
    import torch

    def factor() -> float:
        _, session = validate(dest)
        scaled = session.run(None, {"values": torch.ones(1, 3).numpy()})[0]
        return float(scaled[0, 0])

    export(params, source_options={"factor": 5.0})
    assert factor() == 5.0
    torch.save({"factor": torch.tensor([7.0])}, tmp_path / "weights.pt")
    export(params, weights="weights.pt")
    assert factor() == 7.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "none.py:build"}, "source: there is no file {folder}/none.py"),
        (
            {"source": "scale.py:make"},
            "has no function 'make'; it has: build, drifting, incomplete",
        ),
        ({"source": "scale.py"}, "has no function ''"),
        ({"weights": "none.pt"}, "weights: there is no file {folder}/none.pt"),
        ({"weights": "scale.py"}, "fails with the weights {folder}/scale.py"),
        ({"source_options": {"colour": 1}}, "unexpected keyword argument 'colour'"),
        ({"requirements": ["no-such-package"]}, "package no-such-package is not installed"),
        (
            {"source": "scale.py:incomplete"},
            "returns no inputs, input_names, output_names, dynamic_shapes, random_weights",
        ),
        ({"source": "scale.py:drifting"}, "differ by 0.5"),
    ],
)
def test_refusals(
    params: dict[str, Any], dest: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError) as caught:
        export(params, **changes)
    assert message.format(folder=tmp_path) in str(caught.value)
    assert not dest.exists()


def test_a_failed_export_leaves_the_file_before(params: dict[str, Any], dest: Path) -> None:
    first = export(params)
    with pytest.raises(ExportError, match="differ by"):
        export(params, source="scale.py:drifting")
    assert sha256(dest) == first["sha256"]
    assert export(params)["changed"] is False


def test_too_little_disk_space(
    params: dict[str, Any], dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", ["free"])
    monkeypatch.setattr(onnx_export.shutil, "disk_usage", lambda _: usage(free=7))
    with pytest.raises(ExportError) as caught:
        export(params)
    assert str(caught.value) == f"dest: {dest.parent} needs 8 bytes and its disk has 7 bytes free"
    assert not dest.parent.exists()
    check_space(tmp_path / "to" / "be" / "made", 7)


def test_an_unwritable_folder(params: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="dest: cannot write"):
        export(params | {"dest": f"{tmp_path}/file"})


def test_a_file_that_is_no_python(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def build(:")
    with pytest.raises(ExportError, match="is not Python"):
        check_function(tmp_path / "model.py", "build")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ONNX file that exists already."""
    return Path(export(parameters(tmp_path_factory.mktemp("finished")))["path"])


def test_a_finished_file_is_copied(params: dict[str, Any], dest: Path, finished: Path) -> None:
    changes: dict[str, Any] = {"source": None, "file": str(finished)}
    planned = export(params, check_mode=True, **changes)
    assert not dest.exists()
    copied = export(params, **changes)
    assert copied == planned
    assert copied["changed"]
    assert copied["parameters"] == 1
    assert copied["sha256"] == sha256(finished) == sha256(dest)
    assert export(params, **changes)["changed"] is False


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("damage", ["empty", "cut", "junk", "no such operator"])
def test_a_damaged_file_is_refused(
    params: dict[str, Any], tmp_path: Path, finished: Path, damage: str, check_mode: bool
) -> None:
    content = finished.read_bytes()
    damaged = {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "junk": b"junk" * 100,
        "no such operator": content.replace(b"Mul", b"Mux"),
    }[damage]
    # onnx would read a file of this name as text.
    file = tmp_path / "damaged.pbtxt"
    file.write_bytes(damaged)
    second = params["models"][0] | {"name": "damaged", "source": None, "file": "damaged.pbtxt"}
    with pytest.raises(ExportError) as caught:
        run(params | {"models": [*params["models"], second]}, check_mode, diff=False)
    assert str(caught.value).startswith(f"{file} is not a valid ONNX model: ")
    assert "\n" not in str(caught.value)
    assert not Path(params["dest"]).exists(), "the model before the damaged one was exported"


def test_weights_in_other_files_are_refused(finished: Path, tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "split.onnx"
    model = onnx.load(finished)
    onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)
    with pytest.raises(ExportError, match="keeps its weights in other files"):
        validate(path)
