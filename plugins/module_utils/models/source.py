"""The PyTorch model that a Python function builds, with all that an export needs to know of it."""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from .declaration import (
    Declaration,
    ModelError,
    SourceFunction,
)
from .onnx_file import one_line

SOURCE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
"""What Python, torch and a weights file raise when a definition is at fault."""

Inputs = Callable[[int, int | None], tuple[Any, ...]]
"""Example inputs, batch first, of a batch size and a sequence length (None: the model's own)."""
Evaluate = Callable[[Callable[..., list[Any]]], tuple[str, float]]
"""Measures a model, given a function from NumPy arrays to NumPy arrays, each list in the order of
the model's inputs and outputs; returns what is measured and a figure of it, more is better."""


@dataclass(frozen=True)
class Definition:
    """What a source's function describes, with what it left out filled in."""

    module: Any
    """The torch.nn.Module, in eval mode."""
    inputs: Inputs
    input_names: list[str]
    output_names: list[str]
    dynamic_shapes: Any
    """As torch.export takes them; the first dimension of each input is named batch."""
    random_weights: bool
    evaluate: Evaluate | None


@contextmanager
def builtin_intern() -> Iterator[None]:
    """Give torch the builtin sys.intern: ansible-core wraps it, and torch refuses the wrapper."""
    wrapped = sys.intern
    sys.intern = getattr(wrapped, "unpatched_implementation", wrapped)
    try:
        yield
    finally:
        sys.intern = wrapped


@contextmanager
def torch_ready() -> Iterator[None]:
    """Let torch and a definition run inside a module of Ansible, without gradients.

    A definition may print, and a module's standard output is its result.
    """
    with redirect_stdout(sys.stderr), builtin_intern():
        import torch

        with torch.no_grad():
            yield


def load_definition(declaration: Declaration, weights: Path | None) -> Definition:
    """Run a source's function, within torch_ready(), and return what it describes.

    Args:
        declaration: The model; it has a source.
        weights: The file of the declaration's weights, here.

    Raises:
        ModelError: the weights run code or belong to another network, the function fails, or what
            it returns is incomplete.
    """
    import torch

    source = declaration.source
    assert source is not None
    arguments = declaration.source_options
    # A definition that draws random weights, or example inputs, gives the same ones every time.
    torch.manual_seed(0)
    try:
        if weights:
            check_weights(weights)
            arguments = {"weights": str(weights), **arguments}
        with only_weights():
            returned = getattr(load_module(source), source.function)(**arguments)
        return complete(returned, f"{source.function} of {source.path}")
    except ModelError as error:
        raise ModelError(f"{declaration.name}: {error}") from error
    except SOURCE_ERRORS as error:
        using = f" with the weights {weights}" if weights else ""
        raise ModelError(
            f"{declaration.name}: source: {source.function} of {source.path} fails{using}: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error


def check_weights(path: Path) -> None:
    """Refuse a pickle that would run code, whatever the function would do with it.

    A file that is no pickle, for instance of safetensors, is left to the function.

    Raises:
        ModelError: the file is such a pickle, or it is damaged.
    """
    import torch

    is_torch_s = zipfile.is_zipfile(path) and any(
        name.endswith("/data.pkl") for name in zipfile.ZipFile(path).namelist()
    )
    with path.open("rb") as file:
        is_pickle = file.read(2) in {b"\x80%c" % protocol for protocol in range(2, 6)}
    if not is_torch_s and not is_pickle:
        return
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"weights: {path} is a pickle that would run code: allowed is a state_dict, which "
            "torch.load(weights_only=True) loads"
        ) from error
    except (EOFError, OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"weights: {path} is damaged: {one_line(error)}") from error


@contextmanager
def only_weights() -> Iterator[None]:
    """Let torch.load read nothing but weights, of files that the function finds itself too."""
    before = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]
        if before is not None:
            os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = before


def load_module(source: SourceFunction) -> Any:
    """Import the module that a function is in."""
    if source.module:
        return importlib.import_module(source.module)
    spec = spec_from_file_location(f"gpu_platform_source_{source.path.stem}", source.path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # A dataclass looks its own module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def complete(returned: Any, function: str) -> Definition:
    """Fill in what a function left out: names, dynamic shapes, inputs of other batch sizes.

    Raises:
        ModelError: it returned no module or no inputs, or the weights are not numbers.
    """
    import torch

    if isinstance(returned, tuple) and len(returned) == 2:
        returned = dict(zip(("module", "inputs"), returned, strict=True))
    if not isinstance(returned, dict):
        raise ModelError(
            f"source: {function} returns {type(returned).__name__}: allowed are a tuple of a "
            "torch.nn.Module and its example inputs, and a dictionary with module and inputs"
        )
    missing = [key for key in ("module", "inputs") if key not in returned]
    if missing:
        raise ModelError(f"source: {function} returns no {', '.join(missing)}")
    module = returned["module"]
    if not isinstance(module, torch.nn.Module):
        raise ModelError(
            f"source: {function} returns a {type(module).__name__} as module: "
            "allowed is a torch.nn.Module"
        )
    module.eval()
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if not tensor.is_meta and torch.isnan(tensor).any():
            raise ModelError(f"source: {function} returns a module with NaN in its weights {name}")
    inputs = inputs_of(returned["inputs"])
    examples = inputs(2, None)
    return Definition(
        module=module,
        inputs=inputs,
        input_names=returned.get("input_names") or names_of_inputs(module, examples),
        output_names=returned.get("output_names") or names_of_outputs(module(*examples)),
        dynamic_shapes=returned.get("dynamic_shapes") or batch_first(examples),
        random_weights=returned.get("random_weights", False),
        evaluate=returned.get("evaluate"),
    )


def inputs_of(given: Any) -> Inputs:
    """Return a function of batch size and sequence length, of example inputs or of such a function.

    Example inputs of another batch size are their rows, over and over.
    """
    import torch

    if not callable(given):
        examples = as_tuple(given)
        return inputs_of(
            lambda batch: tuple(
                tensor[torch.arange(batch) % len(tensor)] if tensor.ndim else tensor
                for tensor in examples
            )
        )
    takes_sequence = len(inspect.signature(given).parameters) > 1

    def inputs(batch: int, sequence: int | None = None) -> tuple[Any, ...]:
        if sequence is None:
            return as_tuple(given(batch))
        if not takes_sequence:
            raise ModelError(
                "sequence_lengths is given, but inputs of the source takes only a batch size"
            )
        return as_tuple(given(batch, sequence))

    return inputs


def as_tuple(given: Any) -> tuple[Any, ...]:
    """Return one tensor or a sequence of them as a tuple."""
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def names_of_inputs(module: Any, examples: tuple[Any, ...]) -> list[str]:
    """Return the names of the parameters of forward that examples are given to."""
    parameters = inspect.signature(module.forward).parameters.values()
    named = [
        parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL
    ]
    return [
        named[index] if index < len(named) else f"input_{index}" for index in range(len(examples))
    ]


def names_of_outputs(outputs: Any) -> list[str]:
    """Return a name for each output of a module: output, or output_0, output_1 and so on."""
    count = len(as_tuple(outputs))
    return ["output"] if count == 1 else [f"output_{index}" for index in range(count)]


def batch_first(examples: tuple[Any, ...]) -> tuple[dict[int, Any], ...]:
    """Return dynamic shapes with one named batch dimension, the first of each input."""
    from torch.export import Dim

    batch = Dim("batch")
    return tuple({0: batch} if tensor.ndim else {} for tensor in examples)
