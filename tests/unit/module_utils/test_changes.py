"""What modules say of what they change."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.changes import (
    Facts,
    changes_of,
    differences,
)


def test_differences_are_of_wanted_fields_only() -> None:
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0}) == {"b"}


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({}, {"a": 1}, [{"action": "create"}]),
        ({"a": 1}, {}, [{"action": "delete"}]),
        (
            {"a": 1, "b": 2, "c": 3},
            {"a": 1, "b": 0, "c": 0},
            [{"action": "update", "fields": ["b", "c"]}],
        ),
    ],
)
def test_changes_of_a_resource(before: Facts, after: Facts, changes: list[Facts]) -> None:
    named = [{"type": "AWS::EKS::Cluster", "name": "mlops", **change} for change in changes]
    assert changes_of("AWS::EKS::Cluster", "mlops", before, after) == named
