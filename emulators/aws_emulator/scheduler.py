"""Corrections to moto's EventBridge Scheduler."""

from __future__ import annotations

import json
import re
from zoneinfo import available_timezones

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.scheduler import responses, urls
from moto.scheduler.exceptions import ValidationException

EXPRESSION = re.compile(
    r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"
    r"|rate\([1-9]\d* (minute|hour|day)s?\)"
    r"|cron\(\S+( \S+){5}\)"
)
SUMMARY = ("Arn", "CreationDate", "GroupName", "LastModificationDate", "Name", "State")


class SchedulerResponse(responses.EventBridgeSchedulerResponse):
    """moto's EventBridge Scheduler with the refusals of AWS."""

    def check(self) -> None:
        """Refuse an expression, time zone, group or role that AWS would refuse."""
        expression = self._get_param("ScheduleExpression")
        if not EXPRESSION.fullmatch(expression):
            raise ValidationException(f"Invalid Schedule Expression {expression}.")
        timezone = self._get_param("ScheduleExpressionTimezone", "UTC")
        if timezone not in available_timezones():
            raise ValidationException(f"Provided timezone {timezone} is invalid.")
        self.scheduler_backend.get_schedule_group(self._get_param("GroupName"))
        iam = iam_backends[self.current_account][self.partition]
        try:
            iam.get_role_by_arn(self._get_param("Target")["RoleArn"])
        except NotFoundException as error:
            raise ValidationException(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                "the role."
            ) from error

    def list_schedules(self) -> str:
        """List summaries, of which the target is only its ARN."""
        schedules = json.loads(super().list_schedules())["Schedules"]
        summaries = [
            {
                **{key: schedule[key] for key in SUMMARY},
                "Target": {"Arn": schedule["Target"]["Arn"]},
            }
            for schedule in schedules
        ]
        return json.dumps({"Schedules": summaries})

    def create_schedule(self) -> str:
        """Check the schedule before it is created."""
        self.check()
        return super().create_schedule()

    def update_schedule(self) -> str:
        """Check the schedule before it is changed."""
        self.check()
        return super().update_schedule()


def extend() -> None:
    """Route every request for schedules to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = SchedulerResponse.dispatch
