"""The test `cidr`."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.test.cidr import cidr


@pytest.mark.parametrize("value", ["10.20.0.0/16", "10.20.0.0/28", "192.0.2.4/30", "0.0.0.0/0"])
def test_networks(value: str) -> None:
    assert cidr(value)


@pytest.mark.parametrize(
    "value", ["10.20.0.1/16", "10.20.0.0", "10.20.0.0/33", "300.0.0.0/8", "::/0", "", None, 16, []]
)
def test_others(value: object) -> None:
    assert not cidr(value)


@pytest.mark.parametrize(("prefix", "allowed"), [(15, False), (16, True), (28, True), (29, False)])
def test_prefix_lengths(prefix: int, allowed: bool) -> None:
    assert cidr(f"10.0.0.0/{prefix}", 16, 28) is allowed
