"""The ports of local stacks beside each other."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.plugins.filter.local_ports import PORTS, local_ports


def test_each_port_moves_by_the_offset() -> None:
    assert local_ports(0) == PORTS
    assert local_ports(10000)["aws"] == 15000
    # As the command line gives it.
    assert local_ports("10000") == local_ports(10000)


def test_no_two_servers_share_a_port() -> None:
    assert len(set(PORTS.values())) == len(PORTS)
