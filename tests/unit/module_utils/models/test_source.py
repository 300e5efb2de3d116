"""What a source's function may return, and what is refused of it and of its weights."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    Declaration,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.source import (
    Definition,
    load_definition,
    torch_ready,
)

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
import torch

@dataclass
class Sizes:
    width: int = 3

class Sum(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(Sizes().width))
        self.register_buffer("shift", torch.zeros(1))

    def forward(self, left, right=None, *more):
        return left * self.scale, left + self.shift

def pair():
    return Sum(), (torch.arange(6.0).reshape(2, 3), torch.ones(2, 3), torch.ones(2), torch.ones(()))

def single():
    return torch.nn.Linear(3, 2), torch.rand(4, 3)

def sequences():
    return {"module": torch.nn.Linear(3, 2),
            "inputs": lambda batch, length=5: (torch.rand(batch, length, 3),)}

def unbroken(weights):
    module = Sum()
    module.load_state_dict(torch.load(weights, weights_only=False))
    return module, torch.rand(2, 3)

def unused(weights):
    return single()

def nan_parameter():
    module = Sum()
    module.scale.data[1] = float("nan")
    return module, torch.rand(2, 3)

def nan_buffer():
    module = Sum()
    module.shift[0] = float("nan")
    return module, torch.rand(2, 3)

def nothing():
    return None

def no_inputs():
    return {"module": Sum()}

def no_module():
    return Sum, torch.rand(2, 3)

def failing():
    assert torch.rand(1) > 2, "too small"
"""


@pytest.fixture(autouse=True)
def ready() -> Iterator[None]:
    with torch_ready():
        yield


def load(folder: Path, source: str, weights: Path | None = None) -> Definition:
    """Return what a function of SOURCE, or of a module, describes."""
    (folder / "source.py").write_text(SOURCE)
    given = source if ":" in source else f"source.py:{source}"
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()}
    declaration = Declaration.of(model | {"name": "model", "source": given}, folder)
    return load_definition(declaration, weights)


def test_a_module_and_its_example_inputs_are_enough(tmp_path: Path) -> None:
    definition = load(tmp_path, "pair")
    assert not definition.module.training
    assert definition.input_names == ["left", "right", "input_2", "input_3"]
    assert definition.output_names == ["output_0", "output_1"]
    assert not definition.random_weights
    assert definition.evaluate is None
    left, _, row, scalar = definition.inputs(5, None)
    assert left[:, 0].tolist() == [0, 3, 0, 3, 0]
    assert (row.shape, scalar.shape) == ((5,), ())
    first, *_, last = definition.dynamic_shapes
    assert (first[0].__name__, last) == ("batch", {})


def test_one_tensor_needs_no_tuple(tmp_path: Path) -> None:
    definition = load(tmp_path, "single")
    assert (definition.input_names, definition.output_names) == (["input"], ["output"])
    (only,) = definition.inputs(3, None)
    assert only.shape == (3, 3)
    with pytest.raises(ModelError, match="sequence_lengths is given, but inputs of the source"):
        definition.inputs(3, 7)


def test_inputs_of_a_sequence_length(tmp_path: Path) -> None:
    inputs = load(tmp_path, "sequences").inputs
    assert [inputs(2, length)[0].shape[1] for length in (None, 1, 9)] == [5, 1, 9]


def test_random_numbers_are_the_same_every_time(tmp_path: Path) -> None:
    first, second = (load(tmp_path, "single").module.weight for _ in range(2))
    assert torch.equal(first, second)


def test_a_function_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may import its neighbours, which a file by its path may not."""
    package = tmp_path / "site" / "acme_models"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "layers.py").write_text(SOURCE)
    (package / "net.py").write_text("from .layers import pair\n\ndef build():\n    return pair()\n")
    monkeypatch.syspath_prepend(package.parent)
    assert load(tmp_path, "acme_models.net:build").input_names[:2] == ["left", "right"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nan_parameter", "returns a module with NaN in its weights scale"),
        ("nan_buffer", "returns a module with NaN in its weights shift"),
        ("nothing", "returns NoneType: allowed are a tuple of a torch.nn.Module and its example"),
        ("no_inputs", "returns no inputs"),
        ("no_module", "returns a type as module: allowed is a torch.nn.Module"),
        ("failing", "fails: AssertionError: too small"),
    ],
)
def test_refusals(tmp_path: Path, function: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        load(tmp_path, function)
    assert str(caught.value).startswith(
        f"model: source: {function} of {tmp_path}/source.py {message}"
    )


class Harmful:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("function", ["unbroken", "unused"])
@pytest.mark.parametrize("form", ["torch", "old torch", "pickle"])
def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, function: str, form: str) -> None:
    path, mark = tmp_path / "weights.pt", tmp_path / "mark"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Harmful(mark)))
    else:
        torch.save(Harmful(mark), path, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(ModelError) as caught:
        load(tmp_path, function, path)
    assert str(caught.value) == (
        f"model: weights: {path} is a pickle that would run code: allowed is a state_dict, which "
        "torch.load(weights_only=True) loads"
    )
    assert not mark.exists()


def test_a_pickle_that_hides_is_not_loaded_by_the_function(tmp_path: Path) -> None:
    """Protocol 0 is text, so nothing tells it from other files before torch reads it."""
    path, mark = tmp_path / "weights.pt", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Harmful(mark), protocol=0))
    with pytest.raises(ModelError, match=r"fails with the weights .*: UnpicklingError: "):
        load(tmp_path, "unbroken", path)
    assert not mark.exists()


def test_damaged_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"scale": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError) as caught:
        load(tmp_path, "unused", path)
    assert str(caught.value).startswith(f"model: weights: {path} is damaged: ")


def test_a_file_that_is_no_pickle_is_left_to_the_function(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    assert load(tmp_path, "unused", path).output_names == ["output"]
