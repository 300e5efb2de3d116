"""Schedule groups against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.group import (
    ensure_schedule_group,
)
from support.scripted_aws import ScriptedAws

ROLE = "arn:aws:iam::123456789012:role/scheduler"
ARN = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/mlops"
EXPRESSION = "cron(0 20 ? * MON-FRI *)"


def schedule(name: str, **changes: Any) -> Fields:
    """Return the options of a schedule."""
    return {
        "name": name,
        "expression": EXPRESSION,
        "timezone": "Europe/Berlin",
        "target_arn": "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig",
        "role": "scheduler",
        "input": None,
        "flexible_minutes": 0,
        "enabled": True,
        "description": None,
        **changes,
    }


def params(*schedules: Fields, **changes: Any) -> Fields:
    """Return the module's options for a group of schedules."""
    return {
        "name": "mlops",
        "state": "present",
        "schedules": list(schedules),
        "tags": None,
        "purge_tags": True,
        **changes,
    }


def settings(name: str) -> Fields:
    """Return the settings of a schedule with the options above."""
    return {
        "Name": name,
        "GroupName": "mlops",
        "ScheduleExpression": EXPRESSION,
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig",
            "RoleArn": ROLE,
        },
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_group(script: ScriptedAws, *names: str, state: str = "ACTIVE") -> None:
    """Expect a look at the group, and at its schedules unless it is being deleted."""
    group = {"Name": "mlops", "Arn": ARN, "State": state}
    script.answer("scheduler", "get_schedule_group", group, Name="mlops")
    if state == "ACTIVE":
        found = {"Schedules": [{"Name": name} for name in names]}
        script.answer("scheduler", "list_schedules", found, GroupName="mlops")


def expect_role(script: ScriptedAws) -> None:
    """Expect one question for the ARN of the role."""
    role = {
        "Path": "/",
        "RoleName": "scheduler",
        "RoleId": "A" * 16,
        "Arn": ROLE,
        "CreateDate": "2026-01-01T00:00:00Z",
    }
    script.answer("iam", "get_role", {"Role": role}, RoleName="scheduler")


def test_group_is_created_with_its_schedules_and_each_is_reported(script: ScriptedAws) -> None:
    script.refuse("scheduler", "get_schedule_group", "ResourceNotFoundException")
    tags = [{"Key": "Platform", "Value": "mlops"}]
    created = {"ScheduleGroupArn": ARN}
    script.answer("scheduler", "create_schedule_group", created, Name="mlops", Tags=tags)
    expect_role(script)
    for name in ("a", "b"):
        answer = {"ScheduleArn": f"arn:aws:scheduler:{name}"}
        script.answer("scheduler", "create_schedule", answer, **settings(name))
    options = params(schedule("a"), schedule("b"), tags={"Platform": "mlops"})
    result = ensure_schedule_group(script.aws(), options)
    assert result["changes"] == [
        {"action": "create", "type": "AWS::Scheduler::ScheduleGroup", "name": "mlops"},
        {"action": "create", "type": "AWS::Scheduler::Schedule", "name": "mlops/a"},
        {"action": "create", "type": "AWS::Scheduler::Schedule", "name": "mlops/b"},
    ]


def test_what_is_not_listed_is_deleted_and_what_is_stays(script: ScriptedAws) -> None:
    expect_group(script, "a", "old")
    script.answer("scheduler", "delete_schedule", {}, Name="old", GroupName="mlops")
    script.answer("scheduler", "get_schedule", settings("a"), Name="a", GroupName="mlops")
    result = ensure_schedule_group(script.aws(), params(schedule("a")))
    assert result["changes"] == [
        {"action": "delete", "type": "AWS::Scheduler::Schedule", "name": "mlops/old"}
    ]


def test_deleted_group_takes_its_schedules_with_it_and_is_waited_for(script: ScriptedAws) -> None:
    expect_group(script, "a", "b")
    script.answer("scheduler", "delete_schedule_group", {}, Name="mlops")
    expect_group(script, state="DELETING")
    script.refuse("scheduler", "get_schedule_group", "ResourceNotFoundException")
    result = ensure_schedule_group(script.aws(), params(state="absent"))
    assert [change["name"] for change in result["changes"]] == ["mlops", "mlops/a", "mlops/b"]
    assert {change["action"] for change in result["changes"]} == {"delete"}


def test_group_whose_deletion_an_interrupted_run_began_is_made_anew(script: ScriptedAws) -> None:
    expect_group(script, state="DELETING")
    script.refuse("scheduler", "get_schedule_group", "ResourceNotFoundException")
    created = {"ScheduleGroupArn": ARN}
    script.answer("scheduler", "create_schedule_group", created, Name="mlops", Tags=[])
    assert ensure_schedule_group(script.aws(), params())["changed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (params(schedule("a"), schedule("a")), "schedules has 'a' more than once"),
        (params(schedule("a", timezone="Mars")), "timezone is 'Mars'; it must be a name of"),
        (params(schedule("a", expression="cron(0 20)")), "cron has 2 fields; it needs 6"),
        (params(name="a b"), "name is 'a b'; it must be 1 to 64 letters"),
    ],
)
def test_bad_options_are_refused_before_any_call(
    script: ScriptedAws, options: Fields, message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        ensure_schedule_group(script.aws(), options)
    assert message in str(caught.value)
