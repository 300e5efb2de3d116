"""Triton's client over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SetupError,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import Tensor
from support.certificates import Authority
from support.fake_triton import FakeTriton, events
from support.triton_client import client

INDEX = "/v2/repository/index"


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"))


def test_infer_sends_and_wants_bytes(triton: FakeTriton) -> None:
    triton.teach("/v2/models/tiny", {"outputs": [{"name": "y", "datatype": "FP16"}]})
    output = {"name": "y", "datatype": "FP32", "shape": [1], "data": [2.0]}
    triton.teach("/v2/models/tiny/infer", {"outputs": [output]})
    [found] = client(triton.url).infer("tiny", [Tensor("x", "FP32", [1], [1.0])])
    assert (found.name, found.shape, list(found.values())) == ("y", [1], [2.0])
    _, headers, body = triton.requests[1]
    start = int(headers["Inference-Header-Content-Length"])
    assert json.loads(body[:start])["outputs"] == [
        {"name": "y", "parameters": {"binary_data": True}}
    ]
    assert body[start:] == b"\0\0\x80\x3f"


def test_stream_yields_events(triton: FakeTriton) -> None:
    stream = events({"text_output": "a"}, {"text_output": "b"})
    triton.teach("/v2/models/gpt/generate_stream", stream)
    found = client(triton.url).generate_stream("gpt", {"text_input": "x"})
    assert [event["text_output"] for event in found] == ["a", "b"]


def test_error_in_the_stream_is_raised(triton: FakeTriton) -> None:
    triton.teach("/v2/models/gpt/generate_stream", events({"text_output": "a"}, {"error": "no"}))
    with pytest.raises(TritonError, match=r"^no$"):
        list(client(triton.url).generate_stream("gpt", {}))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": "bad input"}, "^HTTP 400: bad input$"),
        (events({"error": "bad input"}), "^HTTP 400: bad input$"),
        (b"<html>", "^HTTP 400: <html>$"),
        (b"", "^HTTP 400: no reason given$"),
    ],
)
def test_refusal_tells_the_reason(triton: FakeTriton, answer: object, reason: str) -> None:
    triton.teach(INDEX, answer, status=400)
    with pytest.raises(TritonError, match=reason):
        client(triton.url).index()


def test_answer_that_is_not_json_is_an_error(triton: FakeTriton) -> None:
    triton.teach(INDEX, b"<html>")
    with pytest.raises(TritonError, match="the answer is not JSON: b'<html>'"):
        client(triton.url).index()


def test_closed_port_is_told() -> None:
    with FakeTriton() as gone:
        url = gone.url
    with pytest.raises(TritonError, match=f"^{url} does not answer: connection refused"):
        client(url).index()


def test_token_and_path_of_a_proxy_are_sent(triton: FakeTriton) -> None:
    triton.teach(f"/triton{INDEX}", [])
    assert client(f"{triton.url}/triton/", token="secret").index() == []
    assert triton.requests[0][1]["authorization"] == "Bearer secret"


def test_encrypted_with_the_right_authority(authority: Authority) -> None:
    with FakeTriton(authority.server_context()) as triton:
        triton.teach_models(m="READY")
        [entry] = client(triton.url, ca_path=authority.path, token="secret").index()
        assert entry["name"] == "m"
        assert triton.requests[0][1]["authorization"] == "Bearer secret"


def test_other_authority_is_refused_with_a_clear_sentence(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority.found(tmp_path / "other")
    with FakeTriton(authority.server_context()) as triton:
        with pytest.raises(
            SetupError, match=f"^the certificate of {triton.url} is not trusted: unable to get"
        ):
            client(triton.url, ca_path=other.path, token="secret").index()
        with pytest.raises(SetupError, match="is not trusted"):
            client(triton.url).index()
        assert triton.requests == []


def test_certificate_of_another_host_is_refused(authority: Authority) -> None:
    context = authority.server_context()
    context.load_cert_chain(*authority.issue("elsewhere", "10.0.0.1"))
    with FakeTriton(context) as triton, pytest.raises(SetupError, match="IP address mismatch"):
        client(triton.url, ca_path=authority.path).index()


def test_check_of_the_certificate_can_be_left_out(authority: Authority) -> None:
    with FakeTriton(authority.server_context()) as triton:
        triton.teach_models()
        assert client(triton.url, validate_certs=False).index() == []


def test_server_that_wants_to_know_who_asks(authority: Authority) -> None:
    certificate, key = authority.issue("me")
    with FakeTriton(authority.server_context(wants_client=True)) as triton:
        triton.teach_models()
        given = {"ca_path": authority.path, "client_cert": certificate, "client_key": key}
        assert client(triton.url, **given).index() == []
        with pytest.raises(TritonError, match=r"breaks off TLS: .*; maybe it wants a client_cert$"):
            client(triton.url, ca_path=authority.path).index()


def test_key_may_be_in_the_file_of_the_certificate(authority: Authority, tmp_path: Path) -> None:
    certificate, key = map(Path, authority.issue("both"))
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    with FakeTriton(authority.server_context(wants_client=True)) as triton:
        triton.teach_models()
        found = client(triton.url, ca_path=authority.path, client_cert=str(both)).index()
        assert found == []
