"""Triton's client over gRPC. What a real server does with it, tests/parts/triton tells."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import grpc as triton_grpc
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SetupError,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import (
    Case,
    GoldenError,
    Tensor,
)
from support.certificates import Authority
from support.odd_server import odd_server, stay_silent
from support.triton_client import client
from tritonclient.grpc import service_pb2


class FakeGrpcTriton:
    """Lives and is not ready, has one model ready, and keeps requests.

    It streams two texts, then is silent if it is to be.
    """

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.server = grpc.server(ThreadPoolExecutor(2))
        handlers = {
            "RepositoryIndex": grpc.unary_unary_rpc_method_handler(
                self.index,
                service_pb2.RepositoryIndexRequest.FromString,
                service_pb2.RepositoryIndexResponse.SerializeToString,
            ),
            "ModelMetadata": grpc.unary_unary_rpc_method_handler(
                self.describe,
                service_pb2.ModelMetadataRequest.FromString,
                service_pb2.ModelMetadataResponse.SerializeToString,
            ),
            "ServerLive": grpc.unary_unary_rpc_method_handler(
                lambda *_: service_pb2.ServerLiveResponse(live=True),
                service_pb2.ServerLiveRequest.FromString,
                service_pb2.ServerLiveResponse.SerializeToString,
            ),
            "ServerReady": grpc.unary_unary_rpc_method_handler(
                lambda *_: service_pb2.ServerReadyResponse(ready=False),
                service_pb2.ServerReadyRequest.FromString,
                service_pb2.ServerReadyResponse.SerializeToString,
            ),
            "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(
                self.stream,
                service_pb2.ModelInferRequest.FromString,
                service_pb2.ModelStreamInferResponse.SerializeToString,
            ),
        }
        service = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)
        self.server.add_generic_rpc_handlers((service,))
        if credentials:
            port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
        self.url = f"grpc{'s' if credentials else ''}://127.0.0.1:{port}"
        self.server.start()

    def index(self, request: Any, context: Any) -> Any:
        self.metadata.append(dict(context.invocation_metadata()))
        answer = service_pb2.RepositoryIndexResponse()
        answer.models.add(name="m", version="1", state="READY")
        return answer

    def describe(self, request: Any, context: Any) -> Any:
        answer = service_pb2.ModelMetadataResponse(name=request.name)
        answer.inputs.add(name="text_input", datatype="BYTES", shape=[-1, 1])
        answer.inputs.add(name="max_tokens", datatype="INT32", shape=[-1, 1])
        return answer

    def stream(self, requests: Any, context: Any) -> Iterator[Any]:
        self.requests.extend(requests)
        for text in (b"to", b" be"):
            answer = service_pb2.ModelStreamInferResponse()
            answer.infer_response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
            raw = len(text).to_bytes(4, "little") + text
            answer.infer_response.raw_output_contents.append(raw)
            yield answer
            self.go_on.wait(5)


@pytest.fixture
def triton() -> Iterator[FakeGrpcTriton]:
    fake = FakeGrpcTriton()
    yield fake
    fake.go_on.set()
    fake.server.stop(None)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def encrypted(authority: Authority) -> Iterator[FakeGrpcTriton]:
    certificate, key = (Path(path).read_bytes() for path in authority.issue("server"))
    fake = FakeGrpcTriton(grpc.ssl_server_credentials([(key, certificate)]))
    yield fake
    fake.server.stop(None)


def test_index(triton: FakeGrpcTriton) -> None:
    [entry] = client(triton.url).index()
    assert entry == {"name": "m", "version": "1", "state": "READY", "reason": ""}
    assert "authorization" not in triton.metadata[0]


def test_token_arrives_encrypted(encrypted: FakeGrpcTriton, authority: Authority) -> None:
    assert client(encrypted.url, ca_path=authority.path, token="secret").index()
    assert encrypted.metadata[0]["authorization"] == "Bearer secret"


def test_other_authority_is_refused_with_a_clear_sentence(
    encrypted: FakeGrpcTriton, tmp_path: Path
) -> None:
    other = Authority.found(tmp_path / "other")
    with pytest.raises(SetupError, match=f"^the certificate of {encrypted.url} is not trusted"):
        client(encrypted.url, ca_path=other.path, token="secret").index()
    assert encrypted.metadata == []


def test_certificate_of_another_host_is_refused(authority: Authority) -> None:
    paths = authority.issue("elsewhere", "10.0.0.1")
    certificate, key = (Path(path).read_bytes() for path in paths)
    fake = FakeGrpcTriton(grpc.ssl_server_credentials([(key, certificate)]))
    with pytest.raises(SetupError, match="is not trusted"):
        client(fake.url, ca_path=authority.path).index()
    fake.server.stop(None)


def test_certificate_is_always_checked() -> None:
    with pytest.raises(SetupError, match="gRPC cannot leave a server's certificate unchecked"):
        client("grpcs://127.0.0.1:1", validate_certs=False)


def test_closed_port_is_told() -> None:
    with pytest.raises(TritonError, match=r"^grpc://127.0.0.1:1 does not answer: failed to conn"):
        client("grpc://127.0.0.1:1").index()


def test_way_to_a_closed_port() -> None:
    [step] = client("grpc://127.0.0.1:1").way()
    assert (step.ok, step.found[:36]) == (False, "port 1 of 127.0.0.1 is closed (conne")


def test_way_to_a_silent_port() -> None:
    with odd_server(stay_silent) as port:
        opened, live = client(f"grpc://127.0.0.1:{port}").way()
    assert opened.ok
    assert not live.ok
    assert live.found.startswith("ServerLive: ")


def test_way_to_a_server_that_is_not_ready(encrypted: FakeGrpcTriton, authority: Authority) -> None:
    steps = client(encrypted.url, ca_path=authority.path).way()
    assert [(step.name, step.ok) for step in steps] == [
        ("port", True),
        ("ServerLive", True),
        ("ServerReady", False),
    ]


def test_scheme_that_is_not_the_servers_is_told(encrypted: FakeGrpcTriton) -> None:
    url = encrypted.url.replace("grpcs", "grpc")
    with pytest.raises(TritonError, match=rf"^{url} does not answer: .*; maybe it wants grpcs://$"):
        client(url).index()


def test_stream_takes_the_body_as_over_http(triton: FakeGrpcTriton) -> None:
    body = {"text_input": "x", "max_tokens": 2, "user": "me", "fast": True, "share": 0.5, "n": 3}
    events = list(client(triton.url).generate_stream("gpt", body))
    assert events == [{"text_output": "to"}, {"text_output": " be"}]
    [request] = triton.requests
    assert [(tensor.name, list(tensor.shape)) for tensor in request.inputs] == [
        ("text_input", [1, 1]),
        ("max_tokens", [1, 1]),
    ]
    assert list(request.raw_input_contents) == [b"\1\0\0\0x", b"\2\0\0\0"]
    parameters = {
        name: value.WhichOneof("parameter_choice") for name, value in request.parameters.items()
    }
    assert parameters == {
        "user": "string_param",
        "fast": "bool_param",
        "share": "double_param",
        "n": "int64_param",
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"max_tokens": "x"}, "tensor max_tokens: not all values are INT32"),
        ({"user": {}}, "user is no input of the model, and no value for a parameter"),
    ],
)
def test_body_that_fits_no_model_is_refused(
    triton: FakeGrpcTriton, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(TritonError, match=f"^{message}"):
        list(client(triton.url).generate_stream("gpt", body))


def test_golden_text_is_compared(triton: FakeGrpcTriton) -> None:
    case = Case("generate_stream", 0, [], [], {"text_input": "x"}, "to be")
    wrong, seconds = client(triton.url).ask("gpt", "1", case)
    assert wrong is None
    assert seconds > 0
    other = Case("generate_stream", 0, [], [], {"text_input": "x"}, "or not")
    assert (
        client(triton.url).ask("gpt", "1", other)[0] == "text_output is 'to be' instead of 'or not'"
    )


def test_silent_stream_is_given_up(triton: FakeGrpcTriton) -> None:
    triton.go_on.clear()
    stream = client(triton.url, timeout=0.2).generate_stream("gpt", {"text_input": "x"})
    assert next(stream) == {"text_output": "to"}
    with pytest.raises(TritonError, match="does not answer: it was silent too long"):
        next(stream)


@pytest.mark.parametrize(
    ("shape", "value", "found"),
    [
        ([1], 5, [1]),
        ([-1], [5, 6], [2]),
        ([-1, 1], 5, [1, 1]),
        ([-1, -1], [5, 6], [1, 2]),
        ([-1, 2], [5, 6], [1, 2]),
    ],
)
def test_field_takes_the_shape_of_its_input(shape: list[int], value: Any, found: list[int]) -> None:
    tensor = triton_grpc.body_tensor({"name": "n", "datatype": "INT32", "shape": shape}, value)
    assert tensor.shape == found


def test_field_with_too_many_values_is_refused() -> None:
    with pytest.raises(GoldenError, match="tensor n: "):
        triton_grpc.body_tensor({"name": "n", "datatype": "INT32", "shape": [1]}, [5, 6])


def test_bytes_that_are_no_tensor_are_an_error() -> None:
    answer = service_pb2.ModelInferResponse(raw_output_contents=[b"abc"])
    answer.outputs.add(name="y", datatype="BF16", shape=[1])
    with pytest.raises(GoldenError, match="tensor y: "):
        triton_grpc.read_outputs(answer)


def test_output_of_several_values_is_a_list() -> None:
    assert triton_grpc._plain(Tensor("y", "INT32", [2], [1, 2])) == [1, 2]


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, triton_grpc.__name__, None)
    with pytest.raises(SetupError, match=r"\(tritonclient\[grpc\]\)"):
        client("grpc://127.0.0.1:1")
