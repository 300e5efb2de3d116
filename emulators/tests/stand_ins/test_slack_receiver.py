"""The stand-in for Slack answers as Slack does and keeps what it takes."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stand_ins.slack_receiver import Handler, Receiver, refusal


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "messages.jsonl"


@pytest.fixture
def url(store: Path) -> Iterator[str]:
    with Receiver(0, store) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/services/T0/B0/secret"
        server.shutdown()
        thread.join()


def post(url: str, body: bytes) -> tuple[int, str]:
    """Return status and body of Slack's answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_messages_are_kept_in_order_and_listed(url: str, store: Path) -> None:
    messages = [{"text": "first"}, {"channel": "#alerts", "attachments": [{"title": "zwei grün"}]}]
    for message in messages:
        assert post(url, json.dumps(message).encode()) == (200, "ok")
    with urllib.request.urlopen(url) as answer:
        assert json.load(answer) == messages
    assert [json.loads(line) for line in store.read_text().splitlines()] == messages


def test_a_client_that_sends_nothing_holds_up_no_other(url: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)):
        request = urllib.request.Request(url, data=b'{"text": "first"}')
        with urllib.request.urlopen(request, timeout=Handler.timeout / 2) as answer:
            assert answer.status == 200


def test_a_message_that_cannot_be_kept_is_refused() -> None:
    with Receiver(0, Path("/dev/full")) as server:
        threading.Thread(target=server.handle_request).start()
        answer = post(f"http://127.0.0.1:{server.server_port}/", b'{"text": "first"}')
    assert answer == (500, "cannot write /dev/full: No space left on device")


def test_messages_survive_a_restart(store: Path) -> None:
    store.write_text('{"text": "earlier"}\n')
    with Receiver(0, store):
        assert store.read_text() == '{"text": "earlier"}\n'


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'"text"', b'{"text": 1}'])
def test_what_is_no_message_is_refused_and_not_kept(url: str, store: Path, body: bytes) -> None:
    assert post(url, body) == (400, "invalid_payload")
    assert store.read_text() == ""


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"text": "hello"}, None),
        ({"attachments": [{"title": "TritonTargetDown", "color": "danger"}]}, None),
        ({"blocks": [{"type": "divider"}]}, None),
        ({"attachments": "TritonTargetDown"}, "invalid_attachments"),
        ({"text": "hello", "attachments": ["TritonTargetDown"]}, "invalid_attachments"),
        ({"blocks": {}}, "invalid_blocks"),
        ({"channel": "#alerts"}, "no_text"),
        ({"text": "", "attachments": []}, "no_text"),
    ],
)
def test_the_message_decides_on_the_answer(message: object, error: str | None) -> None:
    assert refusal(message) == error
