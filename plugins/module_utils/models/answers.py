"""What an exported model answers: in PyTorch and in onnxruntime, and to its golden requests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from ..triton.golden import (
    FLOATS,
    FORMATS,
    Golden,
    GoldenError,
    Tensor,
)
from . import onnx_file
from .declaration import (
    Declaration,
    ModelError,
)
from .source import (
    SOURCE_ERRORS,
    Definition,
    as_tuple,
)

Arrays = dict[str, Any]
"""NumPy arrays by the name of the tensor."""
DIGITS = {"FP16": 5, "FP32": 9}
"""Decimal digits that tell any two numbers of a datatype apart; FP64 needs all."""


@dataclass
class Model:
    """An exported file, and the definition in PyTorch that it was made from, if any."""

    session: Any
    """An onnxruntime session on the file."""
    definition: Definition | None

    def onnxruntime(self, inputs: Arrays, where: str) -> Arrays:
        """Return all outputs of the file; floats are converted where the file takes FP16.

        Raises:
            ModelError: onnxruntime does not take the inputs.
        """
        types = {given.name: given.type for given in self.session.get_inputs()}
        feed = {
            name: array.astype("float16") if types.get(name) == "tensor(float16)" else array
            for name, array in inputs.items()
        }
        names = [output.name for output in self.session.get_outputs()]
        errors: tuple[type[Exception], ...] = (*onnx_file.onnxruntime_errors(), ValueError)
        try:
            return dict(zip(names, self.session.run(names, feed), strict=True))
        except errors as error:
            raise ModelError(
                f"onnxruntime fails at {where}: {onnx_file.one_line(error)}"
            ) from error

    def torch(self, inputs: tuple[Any, ...], where: str) -> Arrays:
        """Return all outputs of the definition.

        Raises:
            ModelError: PyTorch does not take the inputs.
        """
        assert self.definition is not None
        try:
            arrays = [tensor.numpy() for tensor in as_tuple(self.definition.module(*inputs))]
            return dict(zip(self.definition.output_names, arrays, strict=True))
        except SOURCE_ERRORS as error:
            raise ModelError(f"PyTorch fails at {where}: {onnx_file.one_line(error)}") from error


def sizes(declaration: Declaration) -> list[tuple[int, int | None]]:
    """Return each batch size with each sequence length; None is the definition's own length."""
    lengths: list[int | None] = [*declaration.sequence_lengths] or [None]
    return list(itertools.product(declaration.batch_sizes, lengths))


def compare(model: Model, declaration: Declaration) -> float | None:
    """Return the largest absolute difference between PyTorch and onnxruntime at all sizes.

    Returns:
        The difference; None for a model that no definition belongs to.

    Raises:
        ModelError: it is more than the tolerance, or one of the two does not take a size.
    """
    import numpy

    definition = model.definition
    if definition is None:
        return None
    largest = 0.0
    for batch, length in sizes(declaration):
        where = f"batch size {batch}" + (f", sequence length {length}" if length else "")
        inputs = definition.inputs(batch, length)
        arrays = [tensor.numpy() for tensor in inputs]
        expected = model.torch(inputs, where)
        found = model.onnxruntime(dict(zip(definition.input_names, arrays, strict=True)), where)
        for name, ours in expected.items():
            theirs = found[name]
            if ours.shape != theirs.shape:
                raise ModelError(
                    f"output {name} has the shape {list(ours.shape)} in PyTorch and "
                    f"{list(theirs.shape)} in onnxruntime at {where}"
                )
            with numpy.errstate(invalid="ignore"):
                differences = numpy.abs(ours.astype("float64") - theirs.astype("float64"))
            # Infinities on both sides are equal, and their difference is no number.
            differences[ours == theirs] = 0
            difference = float(differences.max(initial=0))
            if not difference <= declaration.tolerance:
                raise ModelError(
                    f"PyTorch and onnxruntime differ by {difference:.3g} in output {name} at "
                    f"{where}, more than the tolerance of {declaration.tolerance:.3g}"
                )
            largest = max(largest, difference)
    return largest


def golden(
    model: Model, declaration: Declaration, requests: list[list[dict[str, Any]]], outputs: list[str]
) -> dict[str, Any]:
    """Return a golden.json's document with what a model answers to requests.

    Where the weights are those of the definition, PyTorch answers, and onnxruntime has to agree.

    Args:
        model: who is asked.
        declaration: what says the tolerance and the precision.
        requests: the inputs of each request, as golden.json has them.
        outputs: the outputs that a server returns.

    Raises:
        ModelError: an answer is not a number, or onnxruntime does not agree.
    """
    document: dict[str, Any] = {"tolerance": declaration.tolerance, "cases": []}
    answers = []
    for number, request in enumerate(requests, start=1):
        where = f"golden case {number}"
        inputs = {tensor["name"]: array_of(Tensor.of(tensor)) for tensor in request}
        answer = model.onnxruntime(inputs, where)
        found = [tensor_of(name, answer[name]) for name in outputs]
        expected = found
        if model.definition and declaration.precision == "fp32":
            import torch

            given = [inputs[name] for name in model.definition.input_names]
            answer = model.torch(tuple(torch.from_numpy(array) for array in given), where)
            expected = [tensor_of(name, answer[name]) for name in outputs]
        for tensor in (*expected, *found):
            if tensor["datatype"] in FLOATS and any(value != value for value in tensor["data"]):
                raise ModelError(f"output {tensor['name']} is NaN at {where}")
        document["cases"].append({"endpoint": "infer", "inputs": request, "outputs": expected})
        answers.append([Tensor.of(tensor) for tensor in found])
    try:
        cases = Golden.of(document).cases
    except GoldenError as error:
        raise ModelError(f"golden: {error}") from error
    for number, (case, tensors) in enumerate(zip(cases, answers, strict=True), start=1):
        if reason := case.compare(tensors):
            raise ModelError(f"onnxruntime does not agree at golden case {number}: {reason}")
    return document


def array_of(tensor: Tensor) -> Any:
    """Return a tensor as a NumPy array; BYTES are text, as onnxruntime takes it."""
    import numpy

    if tensor.datatype == "BYTES":
        texts = [value.decode(errors="replace") for value in tensor.values()]
        return numpy.array(texts, dtype=object).reshape(tensor.shape)
    array = numpy.frombuffer(tensor.raw(), dtype=f"<{FORMATS[tensor.datatype]}")
    # torch takes no array that cannot be written to.
    return array.reshape(tensor.shape).copy()


def tensor_of(name: str, array: Any) -> dict[str, Any]:
    """Return a NumPy array as golden.json has it."""
    datatypes = {code: datatype for datatype, code in FORMATS.items()}
    datatype = datatypes.get(array.dtype.char.replace("l", "q").replace("L", "Q"), "BYTES")
    data = array.ravel().tolist()
    if datatype in DIGITS:
        data = [float(f"{value:.{DIGITS[datatype]}g}") for value in data]
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": data}
