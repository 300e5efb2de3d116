"""What an ONNX file is: is it whole and valid, what goes in and out, can onnxruntime run it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .declaration import (
    ModelError,
    sha256,
)

# Without it onnxruntime sends usage events, and writes below ~/.cache, as soon as it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

DATATYPES = {
    "BOOL": "BOOL",
    "UINT8": "UINT8",
    "UINT16": "UINT16",
    "UINT32": "UINT32",
    "UINT64": "UINT64",
    "INT8": "INT8",
    "INT16": "INT16",
    "INT32": "INT32",
    "INT64": "INT64",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    "FLOAT": "FP32",
    "DOUBLE": "FP64",
    "STRING": "BYTES",
}
"""What ONNX calls a type, and what Triton's protocol calls it."""


def one_line(error: Exception) -> str:
    """Return the beginning of an error's text, torch's can be pages, as one line."""
    return " ".join(str(error).split())[:500]


def onnxruntime_errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises on a model, or an input, that it cannot take."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )


def load(path: Path) -> Any:
    """Read an ONNX file and check it, the shapes of all tensors included; return its ModelProto.

    Raises:
        ModelError: the file is damaged, not a valid model, keeps its weights in other files, or
            has weights that are not numbers.
    """
    import numpy
    import onnx
    from google.protobuf.message import DecodeError

    try:
        # The format is given, or onnx would guess it from the file's name.
        model = onnx.load(path, format="protobuf", load_external_data=False)
        weights = model.graph.initializer
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in weights):
            raise ModelError(f"{path} keeps its weights in other files: save it as one file")
        onnx.checker.check_model(path, full_check=True)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        raise ModelError(f"{path} is not a valid ONNX model: {one_line(error)}") from error
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    for tensor in weights:
        if tensor.data_type in floats and numpy.isnan(onnx.numpy_helper.to_array(tensor)).any():
            raise ModelError(f"{path} has NaN in its weights {tensor.name}")
    return model


def session(path: Path) -> Any:
    """Return an onnxruntime session on a file, on the CPU.

    Raises:
        ModelError: onnxruntime cannot run the model.
    """
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except onnxruntime_errors() as error:
        raise ModelError(f"{path} does not run in onnxruntime: {one_line(error)}") from error


def opset(model: Any) -> int:
    """Return the version of ONNX's operator set that a ModelProto uses, 0 where it uses none."""
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=0)


def signature(model: Any) -> dict[str, list[dict[str, Any]]]:
    """Return inputs and outputs of a ModelProto, each with name, datatype and shape.

    Datatypes are those of the KServe protocol, as Triton's. A dimension of no fixed size is -1.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        "inputs": [_tensor(value) for value in model.graph.input if value.name not in weights],
        "outputs": [_tensor(value) for value in model.graph.output],
    }


def _tensor(value: Any) -> dict[str, Any]:
    import onnx

    kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    dims = value.type.tensor_type.shape.dim
    return {
        "name": value.name,
        "datatype": DATATYPES.get(kind, kind),
        "shape": [dim.dim_value if dim.HasField("dim_value") else -1 for dim in dims],
    }


def facts(path: Path, model: Any) -> dict[str, Any]:
    """Return what is worth recording of a file and the ModelProto in it."""
    import numpy

    return {
        "bytes": path.stat().st_size,
        "ir_version": model.ir_version,
        "opset": opset(model),
        "parameters": int(sum(numpy.prod(tensor.dims) for tensor in model.graph.initializer)),
        "sha256": sha256(path),
        "signature": signature(model),
    }
