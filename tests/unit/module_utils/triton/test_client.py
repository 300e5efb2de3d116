"""Where a Triton is, who is told a token, and how it is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    Address,
    SetupError,
    TritonError,
    wait,
)
from support.triton_client import (
    StoppedClock,
    client,
    options,
)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://triton",
        "http://",
        "http://me:secret@triton:8000",
        "http://triton:port",
        "grpc://triton",
        "grpc://triton:8001/path",
    ],
)
def test_address_is_checked(url: str) -> None:
    with pytest.raises(SetupError, match=r"is not an address such as .*:8000 or grpc://"):
        Address.of(options(url))


@pytest.mark.parametrize("url", ["http://triton:8000", "grpc://10.0.0.1:8001", "http://127.evil"])
def test_token_does_not_travel_in_clear(url: str) -> None:
    with pytest.raises(SetupError, match=rf"^{url} is not encrypted, so it is not sent a token"):
        Address.of(options(url, token="secret"))


@pytest.mark.parametrize(
    "url",
    [
        "https://triton",
        "grpcs://triton:8001",
        "http://127.0.0.1:8000",
        "grpc://localhost:8001",
        "http://[::1]:8000",
    ],
)
def test_token_goes_to_this_machine_and_into_tls(url: str) -> None:
    assert Address.of(options(url, token="secret")).headers() == {"authorization": "Bearer secret"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"token": "a\nb"}, "token has a character that cannot be sent in a header"),
        ({"client_key": "me.key"}, "client_key needs client_cert"),
        ({"ca_path": "/nonexistent"}, "cannot use the certificates and keys in /nonexistent"),
        ({"client_cert": "/nonexistent"}, "cannot use the certificates and keys"),
    ],
)
@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "grpcs://127.0.0.1:1"])
def test_options_are_checked(url: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=f"^{message}"):
        client(url, **given)


class Looks:
    """Finds what it was given, in turn, the last again and again."""

    def __init__(self, *found: Any) -> None:
        self.found = list(found)

    def __call__(self) -> Any:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


def test_pauses_grow_until_it_is_done() -> None:
    clock = StoppedClock()
    assert wait(Looks(0, TritonError("starting"), 0, 1), bool, 60, clock) == 1
    assert clock.pauses == [0.2, 0.4, 0.8]


def test_last_look_is_at_the_deadline() -> None:
    clock = StoppedClock()
    assert wait(Looks(0), bool, 20, clock) == 0
    assert clock.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 3.8])


def test_error_is_told_at_the_deadline() -> None:
    clock = StoppedClock()
    with pytest.raises(TritonError, match=r"^away$"):
        wait(Looks(TritonError("away")), bool, 3, clock)
    assert clock.now == pytest.approx(3)


def test_what_never_gets_right_is_told_at_once() -> None:
    clock = StoppedClock()
    with pytest.raises(SetupError, match=r"^wrong$"):
        wait(Looks(SetupError("wrong")), bool, 60, clock)
    assert clock.pauses == []
