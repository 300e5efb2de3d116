"""The way to a server, tried step by step: real sockets, and the sentence for each end."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.reachability import Way, told
from support.certificates import Authority
from support.fake_triton import FakeTriton
from support.odd_server import (
    Behaviour,
    close_after_the_request,
    close_at_once,
    closed_port,
    odd_server,
    say,
    stay_silent,
)

LIVE, READY = "/v2/health/live", "/v2/health/ready"


def way(url: str, tls: ssl.SSLContext | None = None) -> Way:
    return Way(urlsplit(url), (LIVE, READY), tls, seconds=0.3)


def sentences(url: str, tls: ssl.SSLContext | None = None) -> list[str]:
    return [step.found for step in way(url, tls).steps()]


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    with FakeTriton() as fake:
        yield fake


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.found(tmp_path_factory.mktemp("authority"))


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.path)


def test_a_server_that_is_well(triton: FakeTriton) -> None:
    triton.teach(LIVE, b"")
    triton.teach(READY, b"")
    steps = way(triton.url).steps()
    assert [(step.name, step.ok, step.found) for step in steps] == [
        ("port", True, f"port {urlsplit(triton.url).port} of 127.0.0.1 is open"),
        (LIVE, True, f"GET {LIVE}: HTTP 200"),
        (READY, True, f"GET {READY}: HTTP 200"),
    ]
    assert told(steps).endswith("; so the server is there, and only that request is not answered")


def test_a_refused_port() -> None:
    port = closed_port()
    steps = way(f"http://127.0.0.1:{port}").steps()
    assert [(step.name, step.ok) for step in steps] == [("port", False)]
    assert told(steps) == (
        f"Tried step by step: port {port} of 127.0.0.1 is closed (connection refused): "
        "no program listens there"
    )


def test_a_port_that_gives_no_sign() -> None:
    # Where the queue of a listener is full, the system leaves further connections unanswered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(2)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        assert sentences(f"http://127.0.0.1:{port}") == [
            f"port {port} of 127.0.0.1 gave no sign within 0.3 s: "
            "the host is down, or a firewall is between"
        ]
        for client in waiting:
            client.close()


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        (stay_silent, "nothing came within 0.3 s"),
        (close_after_the_request, "the connection was closed without an answer"),
        (close_at_once, "the connection was "),  # closed or broken off: as the system sees it
        (say(b"SSH-2.0-OpenSSH\r\n"), "what answered is not HTTP: 'SSH-2.0-OpenSSH"),
        (say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), "the answer broke off after 2"),
        (say(b"\x15\x03\x01\x00\x02\x02\x46"), "what answers speaks TLS: maybe it wants https://"),
        (say(b"HTTP/1.1 503 No\r\n\r\nno backend"), "HTTP 503 (no backend)"),
        (say(b"HTTP/1.1 404 No\r\n\r\n"), "HTTP 404"),
    ],
)
def test_an_open_port_without_a_right_answer(behaviour: Behaviour, found: str) -> None:
    with odd_server(behaviour) as port:
        opened, asked = sentences(f"http://127.0.0.1:{port}")
    assert opened == f"port {port} of 127.0.0.1 is open"
    assert asked.startswith(f"GET {LIVE}: {found}")


def test_alive_and_not_ready(triton: FakeTriton) -> None:
    triton.teach(LIVE, b"")
    triton.teach(READY, b"", status=400)
    assert sentences(triton.url)[1:] == [f"GET {LIVE}: HTTP 200", f"GET {READY}: HTTP 400"]


def test_a_path_of_the_address_and_headers_are_kept(triton: FakeTriton) -> None:
    triton.teach(f"/triton{LIVE}", b"")
    parts = urlsplit(f"{triton.url}/triton/")
    assert [step.ok for step in Way(parts, [LIVE], headers={"authorization": "x"}).steps()]
    path, headers, _ = triton.requests[0]
    assert (path, headers["authorization"]) == (f"/triton{LIVE}", "x")


def test_nobody_is_asked_for_a_proxy(triton: FakeTriton, monkeypatch: pytest.MonkeyPatch) -> None:
    triton.teach(LIVE, b"")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    assert sentences(triton.url)[1] == f"GET {LIVE}: HTTP 200"


def test_tls_as_expected(authority: Authority) -> None:
    with FakeTriton(authority.server_context()) as triton:
        triton.teach(LIVE, b"")
        assert sentences(triton.url, trusting(authority))[1:3] == [
            "TLS is spoken",
            f"GET {LIVE}: HTTP 200",
        ]


def test_tls_that_is_not_trusted(authority: Authority) -> None:
    with FakeTriton(authority.server_context()) as triton:
        [_, found] = sentences(triton.url, ssl.create_default_context())
    assert found.startswith("TLS: the certificate is not trusted: ")


def test_tls_with_a_server_that_speaks_none(triton: FakeTriton, authority: Authority) -> None:
    url = triton.url.replace("http", "https")
    [_, found] = sentences(url, trusting(authority))
    assert found == ("TLS: what answers does not speak TLS: maybe it wants an address without it")


def test_tls_with_a_silent_server(authority: Authority) -> None:
    with odd_server(stay_silent) as port:
        [_, found] = sentences(f"https://127.0.0.1:{port}", trusting(authority))
    assert found == "TLS: nothing came within 0.3 s"


def test_no_tls_with_a_server_that_wants_it(authority: Authority) -> None:
    with FakeTriton(authority.server_context()) as triton:
        [_, found] = sentences(triton.url.replace("https", "http"))
    assert found.startswith(f"GET {LIVE}: ")
    assert "HTTP 200" not in found


def test_a_name(monkeypatch: pytest.MonkeyPatch, triton: FakeTriton) -> None:
    triton.teach(LIVE, b"")
    found = sentences(triton.url.replace("127.0.0.1", "localhost"))
    assert found[0].startswith("the name localhost is ")
    assert found[2] == f"GET {LIVE}: HTTP 200"


def silent_resolver(*_: object, **__: object) -> list[object]:
    time.sleep(2)
    return []


def no_such_name(*_: object, **__: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    ("resolver", "found"),
    [
        (no_such_name, "the name triton.example.com is not known (Name or service not known)"),
        (silent_resolver, "no name server told within 0.3 s who triton.example.com is"),
    ],
)
def test_a_name_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, resolver: Callable[..., list[object]], found: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    [step] = way("http://triton.example.com:8000").steps()
    assert (step.name, step.ok, step.found) == ("name", False, found)
