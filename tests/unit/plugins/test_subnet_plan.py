"""The filter `subnet_plan`."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import subnet_plan

ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def test_private_from_the_start_public_from_the_end() -> None:
    assert subnet_plan("10.20.0.0/16", ZONES[:2], 19, 24) == [
        {"zone": "eu-west-1a", "cidr": "10.20.0.0/19", "public": False},
        {"zone": "eu-west-1a", "cidr": "10.20.255.0/24", "public": True},
        {"zone": "eu-west-1b", "cidr": "10.20.32.0/19", "public": False},
        {"zone": "eu-west-1b", "cidr": "10.20.254.0/24", "public": True},
    ]


def test_another_zone_moves_no_subnet() -> None:
    assert subnet_plan("10.20.0.0/16", ZONES, 19, 24)[:4] == subnet_plan(
        "10.20.0.0/16", ZONES[:2], 19, 24
    )


@pytest.mark.parametrize(
    ("cidr", "private", "public"), [("10.0.0.0/16", 18, 20), ("10.0.0.0/24", 26, 28)]
)
def test_full_networks_do_not_overlap(cidr: str, private: int, public: int) -> None:
    subnets = [IPv4Network(str(s["cidr"])) for s in subnet_plan(cidr, ZONES, private, public)]
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
