"""The plugins by which roles check and plan schedules."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.node_group_schedules import (
    node_group_schedules,
)
from ansible_collections.mlops.gpu_platform.plugins.filter.schedule_problem import schedule_problem
from ansible_collections.mlops.gpu_platform.plugins.test.timezone import timezone

STOP, START = "cron(0 20 ? * MON-FRI *)", "cron(0 8 ? * MON-FRI *)"


def schedules(stop: str = STOP, start: str = START, **changes: Any) -> dict[str, dict[str, Any]]:
    """Return the input of each schedule of a node group by the schedule's name."""
    node_group = {"cluster_name": "mlops", "name": "gpu", "min_size": 0, "max_size": 2, **changes}
    planned = node_group_schedules([node_group], stop, start, "Europe/Berlin", "scheduler")
    return {schedule["name"]: schedule["input"] for schedule in planned}


def test_one_schedule_for_each_node_group_and_direction() -> None:
    groups = [
        {"cluster_name": "mlops", "name": name, "min_size": 0, "max_size": 2}
        for name in ("gpu", "cpu")
    ]
    planned = node_group_schedules(groups, STOP, START, "Europe/Berlin", "scheduler")
    assert [(schedule["name"], schedule["expression"]) for schedule in planned] == [
        ("mlops-gpu-stop", STOP),
        ("mlops-gpu-start", START),
        ("mlops-cpu-stop", STOP),
        ("mlops-cpu-start", START),
    ]
    assert {schedule["timezone"] for schedule in planned} == {"Europe/Berlin"}


def test_asleep_is_minimum_and_desired_size_zero() -> None:
    assert schedules(min_size=1)["mlops-gpu-stop"] == {
        "ClusterName": "mlops",
        "NodegroupName": "gpu",
        "ScalingConfig": {"MinSize": 0, "DesiredSize": 0},
    }


@pytest.mark.parametrize(
    ("changes", "scaling"),
    [
        ({}, {"MinSize": 0, "MaxSize": 2}),
        ({"min_size": 1}, {"MinSize": 1, "MaxSize": 2, "DesiredSize": 1}),
        ({"desired_size": 2}, {"MinSize": 0, "MaxSize": 2, "DesiredSize": 2}),
    ],
)
def test_awake_the_desired_size_is_the_autoscaler_s_unless_given(
    changes: dict[str, Any], scaling: dict[str, int]
) -> None:
    assert schedules(**changes)["mlops-gpu-start"]["ScalingConfig"] == scaling


def test_an_empty_expression_is_no_schedule() -> None:
    assert list(schedules(start="")) == ["mlops-gpu-stop"]
    assert schedules(stop="", start="") == {}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (STOP, ""),
        ("cron(0 20 * *)", "cron has 4 fields; it needs 6"),
        (20, "it must be a string"),
    ],
)
def test_schedule_problem(expression: object, problem: str) -> None:
    assert schedule_problem(expression).startswith(problem)
    assert bool(schedule_problem(expression)) == bool(problem)


@pytest.mark.parametrize(
    ("value", "known"), [("Europe/Berlin", True), ("Europe/Atlantis", False), (1, False)]
)
def test_timezone(value: object, known: bool) -> None:
    assert timezone(value) is known
