"""The filter `subnet_plan`."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import Subnet, subnet_plan

ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def plan(
    zones: int, cidr: str = "10.20.0.0/16", private: int = 19, public: int = 24
) -> list[Subnet]:
    """Return the plan for the first zones."""
    return subnet_plan(cidr, ZONES[:zones], private, public, "mlops")


def test_private_from_the_start_public_from_the_end() -> None:
    assert [(subnet["cidr"], subnet["availability_zone"]) for subnet in plan(2)] == [
        ("10.20.0.0/19", "eu-west-1a"),
        ("10.20.255.0/24", "eu-west-1a"),
        ("10.20.32.0/19", "eu-west-1b"),
        ("10.20.254.0/24", "eu-west-1b"),
    ]


def test_names_kinds_and_tags_for_load_balancers() -> None:
    assert [(subnet["name"], subnet["public"], subnet["tags"]) for subnet in plan(1)] == [
        ("mlops-private-eu-west-1a", False, {"kubernetes.io/role/internal-elb": "1"}),
        ("mlops-public-eu-west-1a", True, {"kubernetes.io/role/elb": "1"}),
    ]


def test_another_zone_moves_no_subnet() -> None:
    assert plan(3)[:4] == plan(2)


@pytest.mark.parametrize(
    ("cidr", "private", "public"), [("10.0.0.0/16", 18, 20), ("10.0.0.0/24", 26, 28)]
)
def test_full_networks_do_not_overlap(cidr: str, private: int, public: int) -> None:
    subnets = [IPv4Network(subnet["cidr"]) for subnet in plan(3, cidr, private, public)]
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
