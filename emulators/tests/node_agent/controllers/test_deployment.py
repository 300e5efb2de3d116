"""The arithmetic of a rolling update."""

from __future__ import annotations

from typing import Any

import pytest
from node_agent.controllers.deployment import Size, rolling_limits, rolling_step


@pytest.mark.parametrize(
    ("strategy", "desired", "expected"),
    [
        ({}, 4, (1, 1)),
        ({}, 3, (1, 0)),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}, 3, (0, 1)),
        ({"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}, 3, (2, 0)),
        ({"type": "Recreate"}, 3, (0, 0)),
    ],
)
def test_limits(strategy: dict[str, Any], desired: int, expected: tuple[int, int]) -> None:
    assert rolling_limits(strategy, desired) == expected


@pytest.mark.parametrize(
    ("desired", "surge", "unavailable"), [(3, 1, 0), (3, 0, 1), (4, 2, 2), (1, 1, 0), (5, 0, 5)]
)
def test_rollout_keeps_its_limits_at_every_step(desired: int, surge: int, unavailable: int) -> None:
    new, old = Size(0, 0), [Size(desired, desired)]
    for _ in range(50):
        wanted, sizes = rolling_step(desired, surge, unavailable, new, old)
        assert wanted + sum(sizes) <= desired + surge
        old = [Size(size, min(size, was.available)) for size, was in zip(sizes, old, strict=True)]
        assert new.available + sum(size.available for size in old) >= desired - unavailable
        # One more new pod becomes available before the next step.
        new = Size(wanted, min(wanted, new.available + 1))
    assert (new, old) == (Size(desired, desired), [Size(0, 0)])


def test_broken_update_stops_at_the_surge() -> None:
    new, old = Size(0, 0), [Size(3, 3)]
    for _ in range(10):
        wanted, sizes = rolling_step(3, 1, 0, new, old)
        new, old = Size(wanted, 0), [Size(sizes[0], sizes[0])]
    assert (new, old) == (Size(1, 0), [Size(3, 3)])


def test_unavailable_old_pods_go_first() -> None:
    assert rolling_step(3, 1, 0, Size(1, 1), [Size(2, 2), Size(1, 0)]) == (1, [2, 0])


def test_scaling_down_during_an_update() -> None:
    assert rolling_step(1, 1, 0, Size(3, 3), [Size(1, 1)])[0] == 1
