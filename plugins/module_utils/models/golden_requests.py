"""What a model is asked for its golden answers: declared or drawn, and taken by a server."""

from __future__ import annotations

from typing import Any

from ..triton.golden import GoldenError, Tensor
from . import config as model_config
from .declaration import (
    Declaration,
    ModelError,
)

Request = list[dict[str, Any]]
"""The inputs of one request, as golden.json has them."""


def check_request(where: str, config: Any, tensors: list[Tensor]) -> None:
    """Find out whether a server with a configuration takes a request.

    Raises:
        ModelError: a tensor is unknown, missing, or of another type or shape.
    """
    required = {entry.name for entry in config.input if not entry.optional}
    if missing := sorted(required - {tensor.name for tensor in tensors}):
        raise ModelError(f"{where}: there is no input {missing[0]}")
    for tensor in tensors:
        check_tensor(where, "input", config, config.input, tensor)


def check_tensor(where: str, kind: str, config: Any, entries: Any, tensor: Tensor) -> None:
    """Compare a tensor with the inputs, or the outputs, of a configuration.

    Raises:
        ModelError: the tensor is unknown, or of another type or shape.
    """
    entry = next((entry for entry in entries if entry.name == tensor.name), None)
    if entry is None:
        raise ModelError(
            f"{where}: {kind} {tensor.name} is not in the configuration, "
            f"which has {[entry.name for entry in entries]}"
        )
    datatype = model_config.datatype(entry)
    shape = [-1] * (config.max_batch_size > 0) + list(entry.dims)
    fits = len(shape) == len(tensor.shape) and all(
        dim in (-1, size) for dim, size in zip(shape, tensor.shape, strict=True)
    )
    if tensor.datatype != datatype or not fits:
        raise ModelError(
            f"{where}: {kind} {tensor.name} is {tensor.datatype} {tensor.shape}, "
            f"and {datatype} {shape} in the configuration, batch dimension included"
        )


def declared_requests(declaration: Declaration) -> list[Request]:
    """Return the golden requests of a declaration.

    Raises:
        ModelError: one of them is none.
    """
    requests = []
    for number, case in enumerate(declaration.golden, start=1):
        inputs = case.get("inputs")
        if case.keys() != {"inputs"} or not isinstance(inputs, list):
            raise ModelError(
                f"golden case {number} is {sorted(case)}: it must be a dictionary with a list "
                "inputs, and nothing else"
            )
        try:
            for tensor in inputs:
                Tensor.of(tensor).raw()
        except GoldenError as error:
            raise ModelError(f"golden case {number}: {error}") from error
        requests.append(inputs)
    return requests


def default_request(config: Any) -> Request:
    """Return a request of batch size 1 with random numbers.

    Raises:
        ModelError: the configuration does not say enough to draw one.
    """
    request = []
    for entry in config.input:
        dims = [1] * (config.max_batch_size > 0) + list(entry.dims)
        datatype = model_config.datatype(entry)
        if datatype == "BYTES" or -1 in dims:
            raise ModelError(
                f"golden must be declared: numbers for input {entry.name}, {datatype} "
                f"{list(entry.dims)}, cannot be drawn"
            )
        request.append({"name": entry.name, "datatype": datatype, "shape": dims, "seed": 0})
    return request
