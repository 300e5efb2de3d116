"""Triton's model configuration (config.pbtxt), through Triton's own protobuf definition of it.

    config = of_signature(name, document, signature)    # an exported model
    config = of_folder(name, text, document)            # a folder that is served as it is
    accelerate(name, config, precision)                 # for GPUs: run by TensorRT
    add_release(config, version, digest)
    text = render(config)

A document is a configuration as a dictionary, with the names of config.pbtxt.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInstanceGroup

from .declaration import (
    ModelError,
)

MAX_BATCH_SIZE = 8
MAX_QUEUE_SIZE = 256
"""A full queue answers 503 at once instead of making every client wait."""
SCHEDULERS = ("dynamic_batching", "sequence_batching", "ensemble_scheduling")
CACHE_PATH = "/tmp/tensorrt"
"""Where TensorRT keeps its engines: a model repository may be read-only."""

Signature = dict[str, list[dict[str, Any]]]
"""What `onnx_file.signature` returns."""


def from_dict(name: str, document: dict[str, Any]) -> ModelConfig:
    """Return the configuration that a document describes; a value of None is as if not given.

    Raises:
        ModelError: a field is unknown, or a value is of another type than the field.
    """
    _check_fields(document, ModelConfig.DESCRIPTOR, f"{name}: config")
    try:
        config = json_format.ParseDict(document, ModelConfig())
    except json_format.ParseError as error:
        raise ModelError(f"{name}: config: {error}") from error
    return _named(name, config)


def parse(name: str, text: str) -> ModelConfig:
    """Return the configuration that a config.pbtxt holds.

    Raises:
        ModelError: the text is no configuration, or that of another model.
    """
    try:
        config = text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        reason = str(error).removeprefix(f"{error.GetLine()}:{error.GetColumn()} : ")
        raise ModelError(f"{name}: config.pbtxt line {error.GetLine()}: {reason}") from error
    return _named(name, config)


def render(config: ModelConfig) -> str:
    """Return a configuration as the text of a config.pbtxt."""
    text: str = text_format.MessageToString(config, as_utf8=True)
    return text


def of_folder(name: str, text: str, document: dict[str, Any]) -> ModelConfig:
    """Return a folder's configuration, each field that the document names replaced by its value.

    Raises:
        ModelError: the text or the document is no configuration.
    """
    config, given = parse(name, text), from_dict(name, document)
    for field in document:
        config.ClearField(field)
    config.MergeFrom(given)
    return config


def of_signature(name: str, document: dict[str, Any], signature: Signature) -> ModelConfig:
    """Return the configuration of an ONNX model: what is not given follows from its signature.

    Raises:
        ModelError: the document is no configuration, or does not fit the model.
    """
    given = from_dict(name, document)
    if "max_batch_size" in document:
        batch = given.max_batch_size
    else:
        tensors = [*signature["inputs"], *signature["outputs"]]
        batched = all(tensor["shape"][:1] == [-1] and tensor["shape"][1:] for tensor in tensors)
        batch = MAX_BATCH_SIZE if batched else 0
    defaults: dict[str, Any] = {
        "max_batch_size": batch,
        "instance_group": [{"kind": "KIND_AUTO", "count": 1}],
        "parameters": {"intra_op_thread_count": {"string_value": "1"}},
    }
    if not given.platform:
        defaults["backend"] = "onnxruntime"
    scheduler = next((field for field in SCHEDULERS if document.get(field) is not None), None)
    if batch > 0 and scheduler in (None, "dynamic_batching"):
        queue = {"max_queue_size": MAX_QUEUE_SIZE}
        defaults["dynamic_batching"] = {"default_queue_policy": queue}
    config = from_dict(name, _merged(defaults, document))
    for entries, tensors in (
        (config.input, signature["inputs"]),
        (config.output, signature["outputs"]),
    ):
        _fill_tensors(name, entries, tensors, batch > 0)
    if "model_warmup" not in document:
        _add_warmup(config)
    check(name, config, signature)
    return config


def check(name: str, config: ModelConfig, signature: Signature) -> None:
    """Compare names, types and dims of a configuration with those of an ONNX model.

    Raises:
        ModelError: they differ.
    """
    for kind, entries, tensors in (
        ("input", config.input, signature["inputs"]),
        ("output", config.output, signature["outputs"]),
    ):
        shapes = {tensor["name"]: tensor for tensor in tensors}
        names = {entry.name for entry in entries}
        if unknown := sorted(names - shapes.keys()):
            raise ModelError(
                f"{name}: {kind} {unknown} of the configuration is not in the ONNX model, "
                f"which has {sorted(shapes)}"
            )
        if kind == "input" and (missing := sorted(shapes.keys() - names)):
            raise ModelError(
                f"{name}: input {missing} of the ONNX model is not in the configuration"
            )
        for entry in entries:
            tensor = shapes[entry.name]
            actual, declared = _data_type(tensor), DataType.Name(entry.data_type)
            if declared != actual:
                raise ModelError(
                    f"{name}: {kind} '{entry.name}' is {actual} in the ONNX model "
                    f"and {declared} in the configuration"
                )
            dims = entry.reshape.shape if entry.HasField("reshape") else entry.dims
            shape = [-1] * (config.max_batch_size > 0) + list(dims)
            if shape != tensor["shape"]:
                raise ModelError(
                    f"{name}: {kind} '{entry.name}' is {tensor['shape']} in the ONNX model "
                    f"and {shape} in the configuration, batch dimension included"
                )


def accelerate(name: str, config: ModelConfig, precision: str) -> None:
    """Let TensorRT run an ONNX model; what the declaration says of TensorRT stays as it is.

    Raises:
        ModelError: TensorRT cannot run the model.
    """
    if any(group.kind == ModelInstanceGroup.KIND_CPU for group in config.instance_group):
        raise ModelError(f"{name}: TensorRT needs a GPU, and an instance_group is KIND_CPU")
    if precision == "int8":
        raise ModelError(
            f"{name}: TensorRT cannot run int8 with dynamic quantisation: declare fp32 or fp16"
        )
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    if any(accelerator.name == "tensorrt" for accelerator in accelerators):
        return
    parameters = accelerators.add(name="tensorrt").parameters
    parameters["precision_mode"] = precision.upper()
    parameters["trt_engine_cache_enable"] = "true"
    parameters["trt_engine_cache_path"] = f"{CACHE_PATH}/{name}"
    if config.max_batch_size > 0 and _is_fixed(config):
        # One engine for all batch sizes: without the range, a new size builds a new engine.
        parameters["trt_profile_min_shapes"] = _profile(config, 1)
        parameters["trt_profile_opt_shapes"] = _profile(config, config.max_batch_size)
        parameters["trt_profile_max_shapes"] = _profile(config, config.max_batch_size)


def add_release(config: ModelConfig, version: int, digest: str) -> None:
    """Make a served model's configuration name the release that it comes from."""
    config.parameters[f"release.{version}"].string_value = digest


def _named(name: str, config: ModelConfig) -> ModelConfig:
    if config.name not in ("", name):
        raise ModelError(f"{name}: the configuration has the name {config.name!r}")
    config.name = name
    return config


def _check_fields(document: Any, descriptor: Any, where: str) -> None:
    """Look for what ParseDict would refuse in words that are not the user's.

    Raises:
        ModelError: a field or the name of an enum's value is unknown, or no list or dictionary.
    """
    if not isinstance(document, dict):
        raise ModelError(f"{where} is {document!r}: it must be a dictionary")
    for key, value in document.items():
        field = descriptor.fields_by_name.get(key)
        if field is None:
            raise ModelError(f"{where} has no field {_instead(key, descriptor.fields_by_name)}")
        place, message, values = f"{where}.{key}", field.message_type, [value]
        if value is None:
            continue
        if message is not None and message.GetOptions().map_entry:
            if not isinstance(value, dict):
                raise ModelError(f"{place} is {value!r}: it must be a dictionary")
            values, message = list(value.values()), message.fields_by_name["value"].message_type
        elif field.is_repeated:
            if not isinstance(value, list):
                raise ModelError(f"{place} is {value!r}: it must be a list")
            values = value
        for element in values:
            if message is not None:
                _check_fields(element, message, place)
            elif field.enum_type is not None and element not in field.enum_type.values_by_name:
                raise ModelError(
                    f"{place} has no value {_instead(element, field.enum_type.values_by_name)}"
                )


def _instead(given: Any, allowed: Iterable[str]) -> str:
    """Return what was given, and what is like it or else all that is allowed."""
    near = difflib.get_close_matches(str(given), allowed, 1)
    hint = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(allowed)}"
    return f"{given!r}: {hint}"


def _merged(defaults: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return the document, with the defaults for what it does not name at any depth."""
    merged = defaults | document
    for key in defaults.keys() & document.keys():
        if isinstance(defaults[key], dict) and isinstance(document[key], dict):
            merged[key] = _merged(defaults[key], document[key])
    return merged


def datatype(entry: Any) -> str:
    """Return the datatype of an input or output as the KServe protocol calls it."""
    name: str = DataType.Name(entry.data_type).removeprefix("TYPE_")
    return "BYTES" if name == "STRING" else name


def _data_type(tensor: dict[str, Any]) -> str:
    datatype = tensor["datatype"]
    return "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"


def _fill_tensors(name: str, entries: Any, tensors: list[dict[str, Any]], batched: bool) -> None:
    """Add an ONNX model's tensors to the entries of a configuration, or what an entry lacks."""
    by_name = {tensor["name"]: tensor for tensor in tensors}
    if not entries:
        for tensor_name in by_name:
            entries.add(name=tensor_name)
    for entry in entries:
        tensor = by_name.get(entry.name)
        if tensor is None:
            continue  # check tells it, with what the model has
        if _data_type(tensor) not in DataType.DESCRIPTOR.values_by_name:
            raise ModelError(
                f"{name}: Triton has no type for '{entry.name}', {tensor['datatype']} in the model"
            )
        if not entry.data_type:
            entry.data_type = DataType.Value(_data_type(tensor))
        if not entry.dims:
            entry.dims.extend(tensor["shape"][1:] if batched else tensor["shape"])


def _is_fixed(config: ModelConfig) -> bool:
    return all(dim > 0 for entry in config.input for dim in entry.dims)


def _add_warmup(config: ModelConfig) -> None:
    """Let the first run, which allocates memory and picks kernels, happen before it is ready."""
    if not _is_fixed(config):
        return
    warmup = config.model_warmup.add(name="zeros", batch_size=min(config.max_batch_size, 1))
    for entry in config.input:
        tensor = warmup.inputs[entry.name]
        tensor.data_type, tensor.zero_data = entry.data_type, True
        tensor.dims.extend(entry.dims)


def _profile(config: ModelConfig, batch: int) -> str:
    return ",".join(
        f"{entry.name}:{'x'.join(map(str, (batch, *entry.dims)))}" for entry in config.input
    )
