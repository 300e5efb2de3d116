"""Triton backend "onnxruntime" for a machine without Triton's own C++ one.

A Python-based backend: Triton starts one process of this file per model instance, for every model
whose configuration says `backend: "onnxruntime"`. It runs the model with the onnxruntime package
on the CPU, and reads the same configuration as the C++ backend, so a model that serves here serves
there.

It is stricter in one thing. Names, types and dims of the configuration are compared with the ONNX
file when the model loads, and a difference makes the model UNAVAILABLE with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

# What ONNX calls a type, and what a Triton model configuration calls it.
TRITON_TYPES = {
    "tensor(bool)": "TYPE_BOOL",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(uint16)": "TYPE_UINT16",
    "tensor(uint32)": "TYPE_UINT32",
    "tensor(uint64)": "TYPE_UINT64",
    "tensor(int8)": "TYPE_INT8",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(float16)": "TYPE_FP16",
    "tensor(float)": "TYPE_FP32",
    "tensor(double)": "TYPE_FP64",
}


def check_tensors(kind: str, configured: list[dict], actual: list[Any], batched: bool) -> None:
    """Compare the tensors of a configuration with those of an ONNX graph.

    Args:
        kind: "input" or "output", for the error's text.
        configured: the configuration's entries, with name, data_type and dims.
        actual: the session's inputs or outputs, with name, type and shape.
        batched: whether Triton adds a batch dimension in front of the configured dims.

    Raises:
        TritonModelException: a name, type or dim differs, or a graph input is not configured.
    """
    by_name = {tensor.name: tensor for tensor in actual}
    names = {entry["name"] for entry in configured}
    if unknown := sorted(names - by_name.keys()):
        raise pb_utils.TritonModelException(
            f"{kind} {unknown} of the configuration is not in the ONNX model, "
            f"which has {sorted(by_name)}"
        )
    if kind == "input" and (missing := sorted(by_name.keys() - names)):
        raise pb_utils.TritonModelException(
            f"input {missing} of the ONNX model is not in the configuration"
        )
    for entry in configured:
        tensor = by_name[entry["name"]]
        data_type = TRITON_TYPES.get(tensor.type, tensor.type)
        if data_type != entry["data_type"]:
            raise pb_utils.TritonModelException(
                f"{kind} '{tensor.name}' is {data_type} in the ONNX model "
                f"and {entry['data_type']} in the configuration"
            )
        dims = ([-1] if batched else []) + [int(dim) for dim in entry["dims"]]
        # A dynamic dimension is a name or None in the session's shape.
        shape = [dim if isinstance(dim, int) else -1 for dim in tensor.shape]
        if dims != shape:
            raise pb_utils.TritonModelException(
                f"{kind} '{tensor.name}' is {shape} in the ONNX model "
                f"and {dims} in the configuration, batch dimension included"
            )


class TritonPythonModel:
    """One instance of an ONNX model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load `<model>/<version>/<default_model_filename>` and check the configuration.

        Whatever is raised here makes the model UNAVAILABLE, with the error as the reason.

        Raises:
            TritonModelException: the configuration does not fit the file.
        """
        config = json.loads(args["model_config"])
        filename = config.get("default_model_filename") or "model.onnx"
        path = Path(args["model_repository"], args["model_version"], filename)
        options = onnxruntime.SessionOptions()
        threads = config.get("parameters", {}).get("intra_op_thread_count")
        if threads:
            options.intra_op_num_threads = int(threads["string_value"])
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.batched = config["max_batch_size"] > 0
        check_tensors("input", config["input"], self.session.get_inputs(), self.batched)
        check_tensors("output", config["output"], self.session.get_outputs(), self.batched)
        self.inputs = [entry["name"] for entry in config["input"]]
        self.outputs = [entry["name"] for entry in config["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests, in one run of the model when Triton batches for it."""
        groups = [requests] if self.batched else [[request] for request in requests]
        return [response for group in groups for response in self.run(group)]

    def run(self, requests: list[Any]) -> list[Any]:
        """Run the model once on the requests joined along their first dimension.

        The dynamic batcher joins only requests whose other dimensions are equal.
        """
        tensors = [
            [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for request in requests]
            for name in self.inputs
        ]
        feed = {
            name: parts[0] if len(parts) == 1 else np.concatenate(parts)
            for name, parts in zip(self.inputs, tensors, strict=True)
        }
        requested = [set(request.requested_output_names()) for request in requests]
        outputs = [name for name in self.outputs if any(name in names for names in requested)]
        results = self.session.run(outputs, feed)
        if len(requests) == 1:
            parts_of_results = [[result] for result in results]
        else:
            ends = np.cumsum([len(part) for part in tensors[0]])[:-1]
            parts_of_results = [np.split(result, ends) for result in results]
        return [
            pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(name, parts[index])
                    for name, parts in zip(outputs, parts_of_results, strict=True)
                    if name in names
                ]
            )
            for index, names in enumerate(requested)
        ]
