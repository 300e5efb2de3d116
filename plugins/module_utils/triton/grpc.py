"""Triton over gRPC, with the messages of the Python package tritonclient."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

from ..reachability import (
    STEP_SECONDS,
    Step,
    Way,
)
from .client import (
    Address,
    SetupError,
    TritonError,
    UnansweredError,
)
from .golden import (
    Case,
    GoldenError,
    Tensor,
)

OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # As over HTTP, where nobody looks for a proxy in the environment.
    ("grpc.enable_http_proxy", 0),
    # Whoever waits for a server paces himself; gRPC's own pauses grow to minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
HEALTH_CALLS = (
    ("ServerLive", service_pb2.ServerLiveRequest(), "live"),
    ("ServerReady", service_pb2.ServerReadyRequest(), "ready"),
)
"""What Triton says of itself: that it lives, and that all its models are loaded."""
DISTRUST = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
"""What gRPC writes when a server's certificate is not the one wanted."""


class GrpcClient:
    """Requests to one Triton server; see TritonClient."""

    def __init__(self, address: Address) -> None:
        self.url = address.url
        self._address = address
        target = address.parts.netloc
        if address.encrypted:
            channel = grpc.secure_channel(target, credentials(address), OPTIONS)
        else:
            channel = grpc.insecure_channel(target, OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._metadata = tuple(address.headers().items())

    def index(self) -> list[dict[str, str]]:
        """Return name, version, state and reason of every model version in the repository."""
        answer = self._call("RepositoryIndex", service_pb2.RepositoryIndexRequest())
        return [
            {key: getattr(entry, key) for key in ("name", "version", "state", "reason")}
            for entry in answer.models
        ]

    def metadata(self, model: str) -> dict[str, Any]:
        """Return a model's inputs and outputs, each with name, datatype and shape."""
        answer = self._call("ModelMetadata", service_pb2.ModelMetadataRequest(name=model))
        return {
            key: [
                {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
                for tensor in getattr(answer, key)
            ]
            for key in ("inputs", "outputs")
        }

    def config(self, model: str, version: str = "") -> dict[str, Any]:
        """Return the configuration that a loaded model is served with."""
        request = service_pb2.ModelConfigRequest(name=model, version=version)
        document: dict[str, Any] = json_format.MessageToDict(
            self._call("ModelConfig", request).config,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        return document

    def infer(self, model: str, inputs: list[Tensor]) -> list[Tensor]:
        """Ask a model, and return all its outputs."""
        try:
            return read_outputs(self._call("ModelInfer", infer_request(model, "", inputs)))
        except GoldenError as error:
            raise TritonError(str(error)) from error

    def generate_stream(self, model: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Ask a decoupled model, and yield its responses as they arrive."""
        yield from self._stream(self._generate_request(model, "", body))

    def ask(self, model: str, version: str, case: Case) -> tuple[str | None, float]:
        """Ask one version of a model a golden case; see TritonClient."""
        if case.endpoint != "infer":
            request = self._generate_request(model, version, case.body)
            started = time.monotonic()
            events = list(self._stream(request))
            seconds = time.monotonic() - started
            text = "".join(str(event.get("text_output", "")) for event in events)
            return case.compare_text(text), seconds
        request = infer_request(model, version, case.inputs)
        for output in case.outputs:
            request.outputs.add(name=output.name)
        started = time.monotonic()
        answer = self._call("ModelInfer", request)
        seconds = time.monotonic() - started
        try:
            return case.compare(read_outputs(answer)), seconds
        except GoldenError as error:
            return str(error), seconds

    def load(self, model: str, config: dict[str, Any] | None, timeout: float) -> None:
        """Load a model, with a configuration in place of its file's if one is given."""
        request = service_pb2.RepositoryModelLoadRequest(model_name=model)
        if config is not None:
            request.parameters["config"].string_param = json.dumps(config)
        self._call("RepositoryModelLoad", request, timeout)

    def unload(self, model: str) -> None:
        """Begin to unload a model."""
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
        self._call("RepositoryModelUnload", request)

    def way(self) -> list[Step]:
        """Try the way to the server step by step; what comes after the port, gRPC itself tries."""
        steps = Way(self._address.parts, ()).steps()
        for name, request, flag in HEALTH_CALLS:
            if all(step.ok for step in steps):
                steps.append(self._health(name, request, flag))
        return steps

    def _health(self, name: str, request: Any, flag: str) -> Step:
        """Ask for one of the server's flags."""
        try:
            answer = self._call(name, request, STEP_SECONDS)
        except TritonError as error:
            return Step(name, False, f"{name}: {getattr(error, 'reason', error)}")
        return Step(name, getattr(answer, flag), f"{name}: {getattr(answer, flag)}")

    def _call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        """Send a request and return its one answer."""
        with self._errors():
            return getattr(self._stub, method)(
                request, timeout=timeout or self._address.timeout, metadata=self._metadata
            )

    def _stream(self, request: Any) -> Iterator[dict[str, Any]]:
        """Send a request and yield its answers, each as a dictionary of its outputs' values."""
        with self._errors():
            call = self._stub.ModelStreamInfer(iter([request]), metadata=self._metadata)
            try:
                while (answer := self._next(call)) is not None:
                    if answer.error_message:
                        raise TritonError(answer.error_message)
                    yield {
                        output.name: _plain(output)
                        for output in read_outputs(answer.infer_response)
                    }
            except GoldenError as error:
                raise TritonError(str(error)) from error
            finally:
                call.cancel()

    def _next(self, call: Any) -> Any:
        """Return the next answer of a stream, or None at its end."""
        # gRPC bounds a stream as a whole; here it may last as long as the server is not silent.
        silence = threading.Timer(self._address.timeout, call.cancel)
        silence.start()
        try:
            return next(call, None)
        finally:
            silence.cancel()

    def _generate_request(self, model: str, version: str, body: dict[str, Any]) -> Any:
        """Make of the body of a generate request what Triton makes of it over HTTP."""
        known = {tensor["name"]: tensor for tensor in self.metadata(model)["inputs"]}
        try:
            inputs = [
                body_tensor(known[name], value) for name, value in body.items() if name in known
            ]
            request = infer_request(model, version, inputs)
        except GoldenError as error:
            raise TritonError(str(error)) from error
        for name, value in body.items():
            if name not in known:
                _set_parameter(request.parameters[name], name, value)
        return request

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn gRPC's errors into those of this collection.

        Raises:
            SetupError: the server's certificate is not trusted.
            UnansweredError: no answer.
            TritonError: one that says no.
        """
        try:
            yield
        except grpc.RpcError as error:
            code, text = error.code(), error.details() or "no reason given"
            if any(sign in text for sign in DISTRUST):
                raise SetupError(f"the certificate of {self.url} is not trusted: {text}") from error
            if code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
                raise UnansweredError(self.url, "it was silent too long") from error
            if "failed to connect" in text:
                hint = ""
                if "ocket closed" in text and not self._address.client_cert:
                    wanted = "a client_cert" if self._address.encrypted else "grpcs://"
                    hint = f"; maybe it wants {wanted}"
                raise UnansweredError(self.url, f"{text}{hint}") from error
            raise TritonError(f"gRPC {code.name}: {text}") from error


def credentials(address: Address) -> grpc.ChannelCredentials:
    """Return how to speak TLS with a server.

    Raises:
        SetupError: a file cannot be read, or gRPC cannot do what is asked.
    """
    if not address.validate_certs:
        raise SetupError(
            "gRPC cannot leave a server's certificate unchecked: name its CA in ca_path"
        )
    try:
        authority = Path(address.ca_path).read_bytes() if address.ca_path else None
        chain = Path(address.client_cert).read_bytes() if address.client_cert else None
        key_path = address.client_key or address.client_cert
        key = Path(key_path).read_bytes() if key_path else None
    except OSError as error:
        raise address.unusable(error) from error
    return grpc.ssl_channel_credentials(authority, key, chain)


def infer_request(model: str, version: str, inputs: list[Tensor]) -> Any:
    """Return the message that asks a model with tensors."""
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
    for tensor in inputs:
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        request.raw_input_contents.append(tensor.raw())
    return request


def read_outputs(answer: Any) -> list[Tensor]:
    """Return the tensors of an answer."""
    return [
        Tensor.of_raw(output.name, output.datatype, output.shape, raw)
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    ]


def body_tensor(known: dict[str, Any], value: Any) -> Tensor:
    """Return the tensor for one field of a generate request: a value, or a list of them.

    Args:
        known: the input as the model's metadata has it.
        value: what the field has.

    Raises:
        GoldenError: the value does not fit the input.
    """
    values = value if isinstance(value, list) else [value]
    shape = list(known["shape"])
    # The last open dimension takes what there is, the others, such as the batch, are 1.
    open_dims = [index for index, dim in enumerate(shape) if dim < 0]
    for index in open_dims:
        shape[index] = 1
    if open_dims:
        shape[open_dims[-1]] = len(values) // max(1, math.prod(shape))
    return Tensor.of(
        {"name": known["name"], "datatype": known["datatype"], "shape": shape, "data": values}
    )


def _plain(output: Tensor) -> Any:
    """Return what an output holds: one value as it is, several as a list; bytes as text."""
    values = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for value in output.values()
    ]
    return values[0] if len(values) == 1 else values


def _set_parameter(parameter: Any, name: str, value: Any) -> None:
    """Set a request's parameter, as Triton does with a field that is no input."""
    kinds = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}
    if type(value) not in kinds:
        raise TritonError(f"{name} is no input of the model, and no value for a parameter")
    setattr(parameter, kinds[type(value)], value)
