"""Test: a region of AWS in which there is EKS."""

from __future__ import annotations

from collections.abc import Callable

from boto3.session import Session


def eks_region(value: object) -> bool:
    """Tell whether a value names a region with EKS, as far as this boto3 knows them."""
    session = Session()
    return any(
        value in session.get_available_regions("eks", partition)
        for partition in session.get_available_partitions()
    )


class TestModule:
    """Offer the test to Ansible."""

    def tests(self) -> dict[str, Callable[[object], bool]]:
        """Return the test by name."""
        return {"eks_region": eks_region}
