"""From a definition to a checked model.onnx: what is exported, kept, and refused."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import export as onnx_export
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
    sha256,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.export import (
    check_space,
    run,
)

DEFINITION = """
import torch

print("a definition may print")

class Scale(torch.nn.Module):
    def __init__(self, factor, size):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.full((3, size), factor))

    def forward(self, values):
        return values @ self.factor

class Loop(Scale):
    def forward(self, values):
        return values if values.sum() > 0 else -values

def build(weights=None, factor=2.0, size=3, kind=Scale):
    module = kind(factor, size)
    if weights:
        module.load_state_dict(torch.load(weights, weights_only=False))
    return {
        "module": module,
        "inputs": lambda batch: (torch.rand(batch, 3),),
        "output_names": ["scaled"],
        "random_weights": weights is None,
    }

def loop():
    return build(kind=Loop)

"""
NAMES = {"model.onnx", "export.json"}


def parameters(chdir: Path, **changes: Any) -> dict[str, Any]:
    """Return the module's parameters for a definition of nine parameters."""
    (chdir / "scale.py").write_text(DEFINITION)
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()}
    model |= {"name": "scale", "source": "scale.py:build"} | changes
    exports = f"{chdir}/exports"
    return {"exports": exports, "chdir": str(chdir), "models": [model], "triton_image": ""}


def export(
    folder: Path, check_mode: bool = False, image: str = "", **changes: Any
) -> dict[str, Any]:
    """Return the module's result, with what it says of its one model on the top level."""
    params = parameters(folder, **changes) | {"triton_image": image}
    result = run(params, check_mode, diff=True)
    (model,) = result.pop("models")
    return result | model


def dest(folder: Path) -> Path:
    """Return the directory that the exported model has."""
    return folder / "exports" / "scale" / "1"


def scaled(folder: Path) -> float:
    """Return what the exported model makes of ones."""
    session = onnx_file.session(dest(folder) / "model.onnx")
    (output,) = session.run(None, {"values": numpy.ones((2, 3), numpy.float32)})
    return float(output[1, 0])


def files(folder: Path) -> set[str]:
    """Return what lies below a folder of exports, without locks."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.endswith(".lock")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ONNX file that exists already."""
    return Path(export(tmp_path_factory.mktemp("finished"))["path"])


def test_export_and_second_run(tmp_path: Path) -> None:
    import onnx

    first = export(tmp_path)
    path = dest(tmp_path) / "model.onnx"
    assert first["changed"]
    assert (first["path"], first["sha256"]) == (str(path), sha256(path))
    assert first["bytes"] == path.stat().st_size
    assert (first["opset_asked"], first["opset"], first["ir_version"]) == (20, 20, 10)
    assert (first["parameters"], first["precision"], first["accuracy"]) == (9, "fp32", None)
    assert first["random_weights"]
    assert first["source"] == "scale.py:build"
    assert set(first["packages"]) == {"torch", "onnxscript", "onnx", "onnxruntime"}
    assert first["signature"] == {
        "inputs": [{"name": "values", "datatype": "FP32", "shape": [-1, 3]}],
        "outputs": [{"name": "scaled", "datatype": "FP32", "shape": [-1, 3]}],
    }
    assert files(tmp_path / "exports") == {f"scale/1/{name}" for name in NAMES}
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    assert [axis.dim_param or axis.dim_value for axis in shape.dim] == ["batch", 3]
    # Nothing in the file depends on where it was made.
    assert str(tmp_path).encode() not in path.read_bytes()
    assert b"File " not in path.read_bytes()

    content = path.read_bytes()
    path.unlink()
    assert export(tmp_path)["sha256"] == first["sha256"]
    assert path.read_bytes() == content


def test_the_second_run_needs_no_torch(tmp_path: Path, finished: Path) -> None:
    exports = finished.parents[2]
    params = parameters(exports.parent) | {"triton_image": "25.06-py3"}
    code = (
        "import json, sys; from ansible_collections.mlops.gpu_platform.plugins.module_utils"
        ".models.export import run; result = run(json.loads(sys.argv[1]), False, True); "
        "print(result['changed'], [n for n in ('torch', 'onnx', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(params)],
        env=os.environ | {"PYTHONPATH": "collections"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False []\n"


@pytest.mark.parametrize("content", [b"", b"tampered"])
def test_a_changed_file_is_exported_again(tmp_path: Path, finished: Path, content: bytes) -> None:
    changes: dict[str, Any] = {"source": None, "file": str(finished)}
    first = export(tmp_path, **changes)
    (dest(tmp_path) / "model.onnx").write_bytes(content)
    second = export(tmp_path, **changes)
    [change] = second["changes"]
    assert (change["action"], change["name"]) == ("update", "scale/1")
    assert second["sha256"] == first["sha256"] == sha256(dest(tmp_path) / "model.onnx")


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    planned = export(tmp_path, check_mode=True)
    assert planned["changed"]
    assert planned["changes"] == [{"action": "create", "type": "ModelExport", "name": "scale/1"}]
    (diff,) = planned["diff"]
    assert diff["before"] == ""
    assert planned["digest"] in diff["after"]
    assert not (tmp_path / "exports").exists()


def test_weights_and_options_reach_the_function(tmp_path: Path) -> None:
    import torch

    export(tmp_path, source_options={"factor": 5.0})
    assert scaled(tmp_path) == 15.0
    torch.save({"factor": torch.full((3, 3), 7.0)}, tmp_path / "weights.pt")
    assert not export(tmp_path, weights="weights.pt")["random_weights"]
    assert scaled(tmp_path) == 21.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../x"}, "name is '../x': allowed are letters, digits"),
        ({"source": "none.py:build"}, "scale: source: there is no file {folder}/none.py"),
        ({"weights": "none.pt"}, "scale: there is no file {folder}/none.pt"),
        ({"weights": "scale.py"}, "scale: source: build of {folder}/scale.py fails with the"),
        ({"source_options": {"colour": 1}}, "unexpected keyword argument 'colour'"),
        ({"requirements": ["no-such-package"]}, "package no-such-package is not installed"),
        ({"source": "scale.py:loop"}, "scale: source: torch cannot export it: "),
        ({"source_options": {"factor": float("nan")}}, "with NaN in its weights factor"),
        (
            {"config": {"input": [{"name": "values", "data_type": "TYPE_FP32", "dims": [4]}]}},
            "scale: input 'values' is [-1, 3] in the ONNX model and [-1, 4] in the configuration",
        ),
    ],
)
def test_refusals(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        export(tmp_path, **changes)
    assert message.format(folder=tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(tmp_path / "exports") == set()


@pytest.mark.parametrize(
    ("image", "opset", "message"),
    [
        (
            "24.02-py3",
            20,
            "scale: opset 20 is more than Triton 24.02-py3 can load: its "
            "onnxruntime 1.16.3 goes up to 19",
        ),
        (
            "24.03-py3",
            20,
            "scale: IR version 10 is more than Triton 24.03-py3 can load: its "
            "onnxruntime 1.17.2 goes up to 9",
        ),
        ("26.08-py3-sdk", 20, "triton_image is '26.08-py3-sdk': known are the tags 23.10-py3 to"),
    ],
)
def test_what_the_image_cannot_load_is_refused(
    tmp_path: Path, finished: Path, image: str, opset: int, message: str
) -> None:
    changes: dict[str, Any]
    for changes in ({"opset": opset}, {"source": None, "file": str(finished)}):
        with pytest.raises(ModelError) as caught:
            export(tmp_path, image=image, **changes)
        assert str(caught.value).startswith(message)
        assert files(tmp_path / "exports") == set()
    with pytest.raises(ModelError) as caught:
        export(finished.parents[3], image=image)
    assert str(caught.value).startswith(message), "a file that is there already is not looked at"


def test_a_failed_export_leaves_the_file_before(tmp_path: Path) -> None:
    first = export(tmp_path)
    with pytest.raises(ModelError, match="NaN"):
        export(tmp_path, source_options={"factor": float("nan")})
    assert files(tmp_path / "exports") == {f"scale/1/{name}" for name in NAMES}
    assert export(tmp_path) == first | {"changed": False, "changes": [], "diff": []}


@contextmanager
def file_size(limit: int) -> Iterator[None]:
    """Let the system refuse to write files beyond a size, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_gets_full(tmp_path: Path) -> None:
    first = export(tmp_path)
    with file_size(400_000), pytest.raises(ModelError) as caught:
        export(tmp_path, source_options={"size": 40_000})
    assert str(caught.value).startswith(f"scale: cannot write {dest(tmp_path)}: ")
    assert "File too large" in str(caught.value)
    assert files(tmp_path / "exports") == {f"scale/1/{name}" for name in NAMES}
    assert export(tmp_path) == first | {"changed": False, "changes": [], "diff": []}


def test_too_little_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", ["free"])
    monkeypatch.setattr(onnx_export.shutil, "disk_usage", lambda _: usage(free=71))
    with pytest.raises(ModelError, match="needs 72 bytes and its disk has 71 bytes free"):
        export(tmp_path)
    assert files(tmp_path / "exports") == set()
    check_space(tmp_path / "to" / "be" / "made", 71)


def test_an_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "exports").touch()
    with pytest.raises(ModelError, match=r"scale: cannot write .*/exports/scale"):
        export(tmp_path)


def test_two_exports_at_once(tmp_path: Path, finished: Path) -> None:
    """Another process holds the lock; its end, even a killed one's, frees the model."""
    lock = tmp_path / "exports" / "scale" / ".lock"
    lock.parent.mkdir(parents=True)
    code = (
        "import sys, pathlib; from ansible_collections.mlops.gpu_platform.plugins.module_utils"
        ".models.export import locked\n"
        f"with locked('scale', pathlib.Path({str(tmp_path / 'exports')!r})):\n"
        "    print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": "collections"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(ModelError) as caught:
            export(tmp_path)
        other.kill()
    assert str(caught.value) == (
        f"scale: process {other.pid} is exporting this model into {tmp_path}/exports at the "
        "moment: wait until it has ended"
    )
    assert files(tmp_path / "exports") == set()
    assert export(tmp_path, source=None, file=str(finished))["changed"]
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_a_killed_export_left_is_cleared(tmp_path: Path, finished: Path) -> None:
    left = dest(tmp_path).with_name(".1.partial")
    left.mkdir(parents=True)
    (left / "model.onnx").write_bytes(b"half")
    export(tmp_path, source=None, file=str(finished))
    assert files(tmp_path / "exports") == {f"scale/1/{name}" for name in NAMES}


def test_a_finished_file_is_copied(tmp_path: Path, finished: Path) -> None:
    changes: dict[str, Any] = {"source": None, "file": f"{finished}#sha256={sha256(finished)}"}
    planned = export(tmp_path, check_mode=True, **changes)
    assert not (tmp_path / "exports").exists()
    copied = export(tmp_path, **changes)
    assert copied == planned
    assert copied["changed"]
    assert copied["parameters"] == 9
    assert copied["sha256"] == sha256(finished) == sha256(dest(tmp_path) / "model.onnx")
    assert export(tmp_path, **changes)["changed"] is False
    with pytest.raises(ModelError) as caught:
        export(tmp_path, source=None, file=f"{finished}#sha256={'0' * 64}")
    assert str(caught.value) == (
        f"scale: {finished} has the sha256 {sha256(finished)}, but {'0' * 64} is declared"
    )


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_damaged_file_is_refused_before_the_first_export(
    tmp_path: Path, finished: Path, check_mode: bool
) -> None:
    (tmp_path / "cut.onnx").write_bytes(finished.read_bytes()[:100])
    params = parameters(tmp_path)
    second = params["models"][0] | {"name": "cut", "source": None, "file": "cut.onnx"}
    with pytest.raises(ModelError) as caught:
        run(params | {"models": [*params["models"], second]}, check_mode, diff=False)
    assert str(caught.value).startswith(f"cut: {tmp_path}/cut.onnx is not a valid ONNX model: ")
    assert not (tmp_path / "exports").exists(), "the model before the damaged one was exported"


@pytest.mark.parametrize(
    ("origin", "precision", "keep_io_types", "datatype"),
    [
        ("source", "fp16", True, "FP32"),
        ("file", "fp16", False, "FP16"),
        ("file", "int8", True, "FP32"),
    ],
)
def test_precisions(
    tmp_path: Path,
    finished: Path,
    origin: str,
    precision: str,
    keep_io_types: bool,
    datatype: str,
) -> None:
    changes: dict[str, Any] = {"precision": precision, "keep_io_types": keep_io_types}
    if origin == "file":
        changes |= {"source": None, "file": str(finished)}
    made = export(tmp_path, **changes)
    assert made["precision"] == precision
    (tensor,) = made["signature"]["inputs"]
    assert (tensor["datatype"], tensor["shape"]) == (datatype, [-1, 3])
    accuracy = made["accuracy"]
    assert (accuracy["metric"], accuracy["fp32"]) == ("agreement with fp32", 1.0)
    assert accuracy["loss"] == pytest.approx(1 - accuracy["exported"])
    assert 0 <= accuracy["loss"] < 0.01
    assert files(tmp_path / "exports") == {f"scale/1/{name}" for name in NAMES}
    assert export(tmp_path, **changes)["changed"] is False


def test_too_high_a_loss_is_refused(tmp_path: Path, finished: Path) -> None:
    changes: dict[str, Any] = {"source": None, "file": str(finished)}
    first = export(tmp_path, **changes)
    with pytest.raises(ModelError) as caught:
        export(tmp_path, precision="int8", max_accuracy_loss=1e-9, **changes)
    assert re.fullmatch(
        r"scale: int8 costs [\d.e-]+ of agreement with fp32 \([\d.]+ instead of 1\), "
        r"more than max_accuracy_loss of 1e-09",
        str(caught.value),
    )
    assert export(tmp_path, **changes) == first | {"changed": False, "changes": [], "diff": []}


def test_a_lower_limit_refuses_what_is_exported_already(tmp_path: Path, finished: Path) -> None:
    changes: dict[str, Any] = {"source": None, "file": str(finished), "precision": "int8"}
    first = export(tmp_path, **changes)
    with pytest.raises(ModelError, match="more than max_accuracy_loss of 1e-09"):
        export(tmp_path, max_accuracy_loss=1e-9, **changes)
    assert export(tmp_path, **changes) == first | {"changed": False, "changes": [], "diff": []}


def test_models_served_as_they_are_have_no_export(tmp_path: Path) -> None:
    (tmp_path / "classify" / "1").mkdir(parents=True)
    (tmp_path / "classify" / "config.pbtxt").touch()
    params = parameters(tmp_path, name="classify", source=None, folder="classify")
    result = run(params, check_mode=False, diff=True)
    assert result == {"changed": False, "changes": [], "models": [], "diff": []}


def test_a_version_is_declared_once(tmp_path: Path) -> None:
    params = parameters(tmp_path)
    with pytest.raises(ModelError) as caught:
        run(params | {"models": params["models"] * 2}, check_mode=False, diff=False)
    assert str(caught.value) == "models has version 1 of scale twice"
