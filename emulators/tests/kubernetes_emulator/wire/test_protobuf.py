"""Protobuf bodies, encoded here by hand from the published field numbers."""

from __future__ import annotations

from base64 import b64encode

import pytest
from kubernetes_emulator.errors import ApiError
from kubernetes_emulator.wire.protobuf import MAGIC, decode


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _bytes(number: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _body(api_version: str, kind: str, item: bytes) -> bytes:
    return MAGIC + _bytes(1, _bytes(1, api_version) + _bytes(2, kind)) + _bytes(2, item)


def _pair(key: str, value: bytes | str) -> bytes:
    return _bytes(1, key) + _bytes(2, value)


def test_secret_as_helm_sends_it() -> None:
    """Metadata, labels, data and type arrive; what Go writes empty does not."""
    payload = bytes(range(256)) * 3
    meta = (
        _bytes(1, "sh.helm.release.v1.x.v1")
        + _bytes(2, "")
        + _bytes(3, "default")
        + _int(7, 0)
        + _bytes(8, b"")
        + _bytes(11, _pair("owner", "helm"))
        + _bytes(11, _pair("version", "1"))
    )
    item = _bytes(1, meta) + _bytes(2, _pair("release", payload)) + _bytes(3, "helm.sh/release.v1")
    assert decode(_body("v1", "Secret", item)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "sh.helm.release.v1.x.v1",
            "namespace": "default",
            "labels": {"owner": "helm", "version": "1"},
        },
        "data": {"release": b64encode(payload).decode()},
        "type": "helm.sh/release.v1",
    }


def test_delete_options_keep_a_grace_of_zero() -> None:
    """Zero seconds of grace is a value, not an absence."""
    found = decode(_body("v1", "DeleteOptions", _int(1, 0) + _bytes(4, "Background")))
    assert found["gracePeriodSeconds"] == 0
    assert found["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{}", 400, id="no protobuf"),
        pytest.param(_body("v1", "Secret", b"\x0a\xff"), 400, id="truncated"),
        pytest.param(_body("v1", "Node", b""), 501, id="a kind without a field table"),
        pytest.param(_body("v1", "Secret", _bytes(99, "x")), 501, id="a field not in the table"),
    ],
)
def test_refused_bodies(body: bytes, code: int) -> None:
    """Nothing that cannot be read is dropped silently."""
    with pytest.raises(ApiError) as error:
        decode(body)
    assert error.value.code == code
