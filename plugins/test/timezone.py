"""Test: a time zone of the IANA time zone database."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.expression import (
    check_timezone,
)


def timezone(value: object) -> bool:
    """Tell whether a value names a time zone, as far as this machine knows them."""
    if not isinstance(value, str):
        return False
    try:
        check_timezone(value)
    except AwsError:
        return False
    return True


class TestModule:
    """Offer the test to Ansible."""

    def tests(self) -> dict[str, Callable[[object], bool]]:
        """Return the test by name."""
        return {"timezone": timezone}
