"""Schedules against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.schedule import (
    ensure_schedule,
)
from support.scripted_aws import ScriptedAws

ROLE = "arn:aws:iam::123456789012:role/scheduler"
NAMES = {"Name": "sleep", "GroupName": "default"}
TARGET = {"Arn": "arn:aws:lambda:eu-west-1:123456789012:function:a", "RoleArn": ROLE}
REFUSAL = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."


def params(**changes: Any) -> Fields:
    """Return the module's options for the schedule below."""
    return {
        "name": "sleep",
        "group": "default",
        "state": "present",
        "expression": "rate(1 day)",
        "timezone": "UTC",
        "target_arn": TARGET["Arn"],
        "role": ROLE,
        "input": None,
        "flexible_minutes": 0,
        "enabled": True,
        "description": None,
        **changes,
    }


def settings(**changes: Any) -> Fields:
    """Return the settings of a schedule."""
    return {
        **NAMES,
        "ScheduleExpression": "rate(1 day)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": TARGET,
        **changes,
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def test_new_role_is_waited_for(script: ScriptedAws) -> None:
    script.refuse("scheduler", "get_schedule", "ResourceNotFoundException")
    script.refuse("scheduler", "create_schedule", "ValidationException", REFUSAL)
    created = {"ScheduleArn": "arn:aws:s"}
    script.answer("scheduler", "create_schedule", created, **settings())
    script.answer("scheduler", "get_schedule", settings(Arn="arn:aws:s"), **NAMES)
    result = ensure_schedule(script.aws(), params())
    assert result["schedule"]["arn"] == "arn:aws:s"
    assert script.now == 5


def test_update_keeps_what_is_not_managed(script: ScriptedAws) -> None:
    retries = {"MaximumRetryAttempts": 3}
    ours = {
        "Description": "Mine",
        "ActionAfterCompletion": "NONE",
        "StartDate": "2026-01-01T00:00:00Z",
        "Target": {**TARGET, "RetryPolicy": retries, "Input": "text"},
    }
    described = settings(**ours, Arn="arn:aws:s", CreationDate="2026-01-01T00:00:00Z")
    script.answer("scheduler", "get_schedule", described, **NAMES)
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    request = settings(**ours, FlexibleTimeWindow=window)
    script.answer("scheduler", "update_schedule", {"ScheduleArn": "arn:aws:s"}, **request)
    script.answer("scheduler", "get_schedule", described, **NAMES)
    assert ensure_schedule(script.aws(), params(flexible_minutes=5))["changed"]


def test_input_that_is_not_json_is_replaced(script: ScriptedAws) -> None:
    described = settings(Target={**TARGET, "Input": "text"})
    script.answer("scheduler", "get_schedule", described, **NAMES)
    result = ensure_schedule(script.aws(check_mode=True), params(input={"a": 1}))
    assert result["diff"]["before"]["input"] == "text"
    assert result["diff"]["after"]["input"] == {"a": 1}


def test_absent_needs_no_expression(script: ScriptedAws) -> None:
    script.answer("scheduler", "get_schedule", settings(), **NAMES)
    script.answer("scheduler", "delete_schedule", {}, **NAMES)
    options = {"expression": None, "target_arn": None, "role": None}
    assert ensure_schedule(script.aws(), params(state="absent", **options))["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "every night"},
            "name is 'every night'; it must be 1 to 64 letters, digits, hyphens, underscores and "
            "dots",
        ),
        (
            {"group": ""},
            "group is ''; it must be 1 to 64 letters, digits, hyphens, underscores and dots",
        ),
        (
            {"expression": "0 20 * * *"},
            "expression is '0 20 * * *'; it must be at(...), rate(...) or cron(...)",
        ),
        (
            {"timezone": "CEST"},
            "timezone is 'CEST'; it must be a name of the IANA time zone database, such as "
            "Europe/Berlin",
        ),
        ({"target_arn": "eks"}, "target_arn is 'eks'; it must be an ARN"),
        (
            {"flexible_minutes": 1441},
            "flexible_minutes is 1441; it must be 0 (at the time itself) to 1440",
        ),
    ],
)
def test_bad_options_are_refused_before_any_call(
    script: ScriptedAws, options: Fields, message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        ensure_schedule(script.aws(), params(**options))
    assert str(caught.value) == message
