"""Test: an IPv4 network in CIDR notation."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network


def cidr(value: object, shortest: int = 0, longest: int = 32) -> bool:
    """Tell whether a value is an IPv4 network with a prefix between two lengths, in bits.

    The address must be the network's own: no bit of the host part may be set.
    """
    if not isinstance(value, str) or "/" not in value:
        return False
    try:
        network = IPv4Network(value)
    except ValueError:
        return False
    return shortest <= network.prefixlen <= longest


class TestModule:
    """Offer the test to Ansible."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the test by name."""
        return {"cidr": cidr}
