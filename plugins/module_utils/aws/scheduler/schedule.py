"""Schedules of EventBridge Scheduler: what is there, what is wanted, and the calls between."""

from __future__ import annotations

import json
import re
from typing import Any

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
)
from ..iam.role import (
    once_iam_agrees,
    role_arn,
    same_role,
)
from .expression import (
    check_expression,
    check_timezone,
)

NAME = re.compile(r"[0-9A-Za-z_.-]{1,64}")
# The longest window that EventBridge Scheduler takes, in minutes.
LONGEST_WINDOW = 1440
# What GetSchedule tells beside the settings that UpdateSchedule takes.
NO_SETTINGS = {"Arn", "CreationDate", "LastModificationDate", "ResponseMetadata"}
# What EventBridge Scheduler answers until it knows a new role and its trust policy.
UNKNOWN_ROLE = "must allow AWS EventBridge Scheduler to assume the role"


def ensure_schedule(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a schedule.

    Raises:
        AwsError: an option has a value that EventBridge Scheduler would refuse.
    """
    check_options(params)
    return converge(Schedule(aws, params))


def check_options(params: Fields) -> None:
    """Refuse what EventBridge Scheduler would refuse.

    Raises:
        AwsError: an option has a value that it cannot have; the message names both.
    """
    for option in ("name", "group"):
        if not NAME.fullmatch(params[option]):
            raise AwsError(
                f"{option} is {params[option]!r}; it must be 1 to 64 letters, digits, hyphens, "
                "underscores and dots"
            )
    if params["state"] == "absent":
        return
    check_expression(params["expression"])
    check_timezone(params["timezone"])
    if not params["target_arn"].startswith("arn:"):
        raise AwsError(f"target_arn is {params['target_arn']!r}; it must be an ARN")
    if not 0 <= params["flexible_minutes"] <= LONGEST_WINDOW:
        raise AwsError(
            f"flexible_minutes is {params['flexible_minutes']}; it must be 0 (at the time "
            f"itself) to {LONGEST_WINDOW}"
        )


def input_of(text: str | None) -> Any:
    """Return the input of a target as data, or as text where it is not JSON."""
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text


def window_request(minutes: int) -> Fields:
    """Return a flexible time window as the API takes it."""
    return {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes} if minutes else {"Mode": "OFF"}


def settings(current: Fields, wanted: Fields) -> Fields:
    """Return all settings of the schedule: an update resets those that it does not name."""
    kept = {key: value for key, value in current.items() if key not in NO_SETTINGS}
    target = given(
        Arn=wanted["target_arn"],
        RoleArn=wanted["role"],
        Input=json.dumps(wanted["input"], sort_keys=True) if "input" in wanted else None,
    )
    return {
        **kept,
        **given(Description=wanted.get("description")),
        "ScheduleExpression": wanted["expression"],
        "ScheduleExpressionTimezone": wanted["timezone"],
        "FlexibleTimeWindow": window_request(wanted["flexible_minutes"]),
        "State": "ENABLED" if wanted["enabled"] else "DISABLED",
        "Target": {**kept.get("Target", {}), **target},
    }


class Schedule(Resource):
    """A schedule in a group; the tags of EventBridge Scheduler are on groups only."""

    kind = "schedule"
    type = "AWS::Scheduler::Schedule"

    def names(self) -> Fields:
        """Return group and name."""
        return {"group_name": self.params["group"], "name": self.params["name"]}

    def request(self) -> dict[str, str]:
        """Return the same under the names of the API."""
        return {"Name": self.params["name"], "GroupName": self.params["group"]}

    def find(self) -> Fields | None:
        """Return the schedule, or None where it or its group does not exist."""
        scheduler = self.aws.client("scheduler")
        try:
            found = scheduler.get_schedule(**self.request())
        except scheduler.exceptions.ResourceNotFoundException:
            return None
        return {key: value for key, value in found.items() if key != "ResponseMetadata"}

    def view(self, current: Fields) -> Fields:
        """Return the managed fields."""
        target = current["Target"]
        return {
            "expression": current["ScheduleExpression"],
            "timezone": current.get("ScheduleExpressionTimezone", "UTC"),
            "target_arn": target["Arn"],
            "role": target["RoleArn"],
            "input": input_of(target.get("Input")),
            "flexible_minutes": current["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0),
            "enabled": current.get("State", "ENABLED") == "ENABLED",
            "description": current.get("Description"),
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        options = ("expression", "timezone", "target_arn", "input", "flexible_minutes", "enabled")
        return given(
            **{option: self.params[option] for option in options},
            role=same_role(view.get("role"), self.params["role"]),
            description=self.params["description"],
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the schedule."""
        return self.put("create_schedule", {}, wanted)

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Replace the schedule; what the options do not set stays."""
        return self.put("update_schedule", current, wanted)

    def put(self, method: str, current: Fields, wanted: Fields) -> Fields:
        """Write the whole schedule, and return it."""
        write = getattr(self.aws.client("scheduler"), method)
        role = self.role_arn(wanted["role"])
        request = {**settings(current, {**wanted, "role": role}), **self.request()}
        once_iam_agrees(self.aws, lambda: write(**request), UNKNOWN_ROLE)
        return self.find() or self.names()

    def role_arn(self, role: str) -> str:
        """Return the ARN of a role that the options give by ARN or by name."""
        return role_arn(self.aws, role)

    def delete(self, current: Fields) -> None:
        """Delete the schedule."""
        self.aws.client("scheduler").delete_schedule(**self.request())
