"""An ONNX file in fewer bits, and what that costs in accuracy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..triton.golden import GoldenError, Tensor
from .declaration import (
    Declaration,
    ModelError,
)
from .onnx_file import (
    load,
    one_line,
    onnxruntime_errors,
    session,
    signature,
)
from .source import (
    SOURCE_ERRORS,
    Definition,
)

AGREEMENT = "agreement with fp32"
"""What is measured without an evaluate: 1 - |outputs - those of fp32| / |those of fp32|."""
BATCH = 8
"""Examples that it is measured on."""
NUMPY = {"BYTES": "object", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
"""NumPy's names of the protocol's datatypes, where they differ in more than their case."""


def convert(source: Path, dest: Path, precision: str, keep_io_types: bool) -> None:
    """Write an ONNX file of fp32 in another precision.

    int8 takes the weights of matrix multiplications alone (Gemm becomes one), with a scale per
    channel. onnxruntime can quantise convolutions too, but dynamic quantisation slows them down:
    ResNet50 then takes 6 times as long as in fp32, and loses 5 times as much accuracy.

    Raises:
        ModelError: onnxruntime's converters cannot do it.
    """
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    try:
        if precision == "fp16":
            model = convert_float_to_float16(onnx.load(source), keep_io_types=keep_io_types)
            # The casts of inputs and outputs are appended; ONNX wants nodes in order.
            OnnxModel(model).topological_sort()
            onnx.save(model, dest)
        else:
            quantize_dynamic(source, dest, op_types_to_quantize=["MatMul"], per_channel=True)
    except (AssertionError, LookupError, RuntimeError, ValueError) as error:
        raise ModelError(f"cannot be converted to {precision}: {one_line(error)}") from error


def measure(
    declaration: Declaration, fp32: Path, exported: Path, definition: Definition | None
) -> dict[str, Any]:
    """Return what a precision costs: the metric, its two values (more is better) and the loss.

    Args:
        declaration: The model; it says what may be lost.
        fp32: The file that the exported one is made from.
        exported: The file in the declared precision.
        definition: What the model's source describes, where it has one.

    Raises:
        ModelError: the loss is too high, or cannot be measured.
    """
    before, after = runner(fp32), runner(exported)
    if definition and definition.evaluate:
        try:
            metric, expected = definition.evaluate(before)
            _, found = definition.evaluate(after)
        except SOURCE_ERRORS as error:
            raise ModelError(
                f"evaluate of the source fails: {type(error).__name__}: {one_line(error)}"
            ) from error
    else:
        inputs = example_inputs(declaration, fp32, definition)
        metric, expected = AGREEMENT, 1.0
        found = 1 - share_of_difference(after(*inputs), before(*inputs))
    loss = float(expected - found)
    measured = {"metric": metric, "fp32": float(expected), "exported": float(found), "loss": loss}
    check_loss(declaration, measured)
    return measured


def check_loss(declaration: Declaration, measured: dict[str, Any]) -> None:
    """Compare what a precision costs with what it may.

    Raises:
        ModelError: the loss is too high.
    """
    # A NaN is no loss that is small enough.
    if not measured["loss"] <= declaration.max_accuracy_loss:
        raise ModelError(
            f"{declaration.precision} costs {measured['loss']:.4g} of {measured['metric']} "
            f"({measured['exported']:.4g} instead of {measured['fp32']:.4g}), more than "
            f"max_accuracy_loss of {declaration.max_accuracy_loss:.4g}"
        )


def example_inputs(
    declaration: Declaration, path: Path, definition: Definition | None
) -> tuple[Any, ...]:
    """Return arrays to run a model on: its source's, its first golden request's, or random ones.

    Raises:
        ModelError: the golden request is not well formed, or is needed and not there.
    """
    import numpy

    if definition:
        return tuple(tensor.numpy() for tensor in definition.inputs(BATCH, None))
    inputs = signature(load(path))["inputs"]
    free = declaration.sequence_lengths[0] if declaration.sequence_lengths else 1
    for tensor in inputs:
        sizes = enumerate(tensor["shape"])
        tensor["shape"] = [size if size != -1 else free if axis else BATCH for axis, size in sizes]
        tensor["seed"] = 0
    if declaration.golden:
        golden = {tensor["name"]: tensor for tensor in declaration.golden[0].get("inputs", [])}
        if missing := [tensor["name"] for tensor in inputs if tensor["name"] not in golden]:
            raise ModelError(f"golden: the first request has no input {', '.join(missing)}")
        inputs = [golden[tensor["name"]] for tensor in inputs]
    try:
        tensors = [Tensor.of(tensor) for tensor in inputs]
    except GoldenError as error:
        raise ModelError(f"golden: {error}") from error
    return tuple(
        numpy.array(
            tensor.values(), dtype=NUMPY.get(tensor.datatype, tensor.datatype.lower())
        ).reshape(tensor.shape)
        for tensor in tensors
    )


def share_of_difference(ours: list[Any], theirs: list[Any]) -> float:
    """Return |ours - theirs| / |theirs| over all outputs that are numbers."""
    import numpy

    def flat(outputs: list[Any]) -> Any:
        numbers = [output.ravel() for output in outputs if output.dtype != object]
        return numpy.concatenate([numpy.zeros(0), *numbers])

    size = numpy.linalg.norm(flat(theirs))
    return float(numpy.linalg.norm(flat(ours) - flat(theirs)) / size) if size else 0.0


def runner(path: Path) -> Callable[..., list[Any]]:
    """Return a function that runs a file on arrays, in the order of its inputs.

    Floats are of fp32 on both sides, also where the file takes and gives fp16.
    """
    running = session(path)
    inputs = running.get_inputs()

    def run(*arrays: Any) -> list[Any]:
        feed = {
            given.name: array.astype("float16") if given.type == "tensor(float16)" else array
            for given, array in zip(inputs, arrays, strict=True)
        }
        try:
            outputs = running.run(None, feed)
        except onnxruntime_errors() as error:
            raise ModelError(f"{path} fails in onnxruntime: {one_line(error)}") from error
        return [
            output.astype("float32") if output.dtype == "float16" else output for output in outputs
        ]

    return run
