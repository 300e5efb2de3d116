"""Local stacks beside each other: the ports and the pods' addresses of every offset."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.local_ports import PORTS, local_ports
from ansible_collections.mlops.gpu_platform.tools.role_variables import role_variable
from free_ports import USERS

LOOPBACK = IPv4Network("127.0.0.0/8")


def stack(offset: int, name: str, **given: Any) -> Any:
    given |= {"role_path": "/role", "ansible_playbook_python": "/python"}
    # Templates do not know the filters of this collection here.
    given |= {
        "local_stack_ports": local_ports(offset),
        "_local_stack_highest_port": max(PORTS.values()),
    }
    return role_variable("local_stack", name, local_stack_port_offset=offset, **given)


def test_free_ports_are_looked_for_beside_those_of_the_user() -> None:
    default = role_variable("local_stack", "local_stack_port_offset")
    assert set(local_ports(default).values()) == USERS


def test_each_offset_has_addresses_of_its_own() -> None:
    # Those beside each other differ most rarely; 55287 is the last that has ports.
    offsets = [0, 1, 10, 255, 256, 10000, 10010, 10500, 15000, 20000, 55286, 55287]
    networks = set()
    for offset in offsets:
        networks.add(IPv4Network(stack(offset, "_local_stack_pod_cidr")))
    assert len(networks) == len(offsets)
    assert all(network.subnet_of(LOOPBACK) and network.prefixlen == 24 for network in networks)
    assert IPv4Network("127.0.0.0/24") not in networks


@pytest.mark.parametrize(
    ("outgoing", "highest"),
    [
        (["32768", "60999"], 22519),
        (["20250", "60999"], 10001),
        (["20248", "60999"], 55287),  # The default offset would reach it.
        (["1024", "65535"], 55287),
    ],
)
def test_ports_stay_below_those_of_outgoing_connections(outgoing: list[str], highest: int) -> None:
    given = {"_local_stack_outgoing_ports": outgoing}
    assert int(stack(0, "_local_stack_highest_offset", **given)) == highest
