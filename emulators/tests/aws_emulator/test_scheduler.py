"""Each correction to moto's EventBridge Scheduler, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


@pytest.mark.parametrize("method", ["create_schedule", "update_schedule"])
def test_refusals(client: Callable[[str], Any], roles: dict[str, str], method: str) -> None:
    scheduler = client("scheduler")
    schedule = {
        "Name": "sleep",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:eks:a", "RoleArn": roles["mlops-a"]},
    }
    scheduler.create_schedule(**schedule)
    target = {"Arn": "arn:aws:a", "RoleArn": "arn:aws:iam::123456789012:role/absent"}
    bad = "ValidationException"
    check_refusals(
        scheduler,
        [
            (method, schedule | {"ScheduleExpression": "cron(0 20 * *)"}, bad, "cron(0 20 * *)"),
            (method, schedule | {"ScheduleExpressionTimezone": "Nowhere"}, bad, "Nowhere"),
            (method, schedule | {"GroupName": "none"}, "ResourceNotFoundException", "none"),
            (method, schedule | {"Target": target}, bad, "assume the role"),
            ("create_schedule", schedule, "ConflictException", "sleep"),
        ],
    )
    scheduler.delete_schedule(Name="sleep")


def test_schedules_are_listed_in_short(client: Callable[[str], Any], roles: dict[str, str]) -> None:
    scheduler = client("scheduler")
    scheduler.create_schedule_group(Name="nights")
    for name, group in (("sleep", "nights"), ("other", "default")):
        scheduler.create_schedule(
            Name=name,
            GroupName=group,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:scheduler:::aws-sdk:eks:a", "RoleArn": roles["mlops-a"]},
        )
    (listed,) = scheduler.list_schedules(GroupName="nights")["Schedules"]
    assert (listed["Name"], listed["Target"]) == (
        "sleep",
        {"Arn": "arn:aws:scheduler:::aws-sdk:eks:a"},
    )
    scheduler.delete_schedule_group(Name="nights")
    scheduler.delete_schedule(Name="other")
