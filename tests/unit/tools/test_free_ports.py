"""Ports for one more local stack: all free, and all of those that it takes."""

from __future__ import annotations

import socket

import free_ports
import pytest


def test_an_offset_with_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    offset = free_ports.free_offset()
    with socket.create_server(("127.0.0.1", offset + free_ports.BASES[-1])):
        assert not free_ports.all_free(offset)
        assert free_ports.free_offset() != offset
        monkeypatch.setattr(free_ports, "OFFSETS", (offset,))
        with pytest.raises(OSError, match=f"no offset from {offset} to {offset} has its ports"):
            free_ports.free_offset()
    assert free_ports.free_offset() == offset
