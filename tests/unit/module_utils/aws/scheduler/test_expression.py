"""Schedule expressions: which ones EventBridge Scheduler takes."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler import (
    expression as schedule_expression,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.expression import (
    check_expression,
    check_timezone,
    expression_problem,
)


@pytest.mark.parametrize(
    "expression",
    [
        "at(2026-11-20T13:00:00)",
        "rate(1 minute)",
        "rate(12 hours)",
        "cron(0 20 ? * MON-FRI *)",
        "cron(0 20 ? * mon-fri *)",
        "cron(15 10 ? * 6L 2022-2023)",
        "cron(0/15 8-18/2 * JAN,JUL ? *)",
        "cron(0 0 1,15,L * ? 2026)",
        "cron(0 0 LW * ? *)",
        "cron(0 0 3W * ? *)",
        "cron(30 6 ? * 2#1 *)",
        "cron(*/10 * * * ? *)",
    ],
)
def test_valid(expression: str) -> None:
    assert expression_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "it must be at(...), rate(...) or cron(...)"),
        ("0 20 * * *", "it must be at(...), rate(...) or cron(...)"),
        ("at(tomorrow)", "at needs a time such as 2026-01-31T06:30:00"),
        ("at(2026-02-30T06:30:00)", "at needs a time such as 2026-01-31T06:30:00"),
        ("rate(0 days)", "rate needs a number and minutes, hours or days"),
        ("rate(2 weeks)", "rate needs a number and minutes, hours or days"),
        (
            "cron(0 20 * * *)",
            "cron has 5 fields; it needs 6: minutes, hours, day of month, month, day of week, year",
        ),
        ("cron(60 20 ? * MON *)", "'60' is no minutes of cron"),
        ("cron(0 8,24 ? * MON *)", "'8,24' is no hours of cron"),
        ("cron(0 20 32W * ? *)", "'32W' is no day of month of cron"),
        ("cron(0 20 1-40 * ? *)", "'1-40' is no day of month of cron"),
        ("cron(0 20 1 JANUARY ? *)", "'JANUARY' is no month of cron"),
        ("cron(0 20 ? * 0 *)", "'0' is no day of week of cron"),
        ("cron(0 20 ? * 2#6 *)", "'2#6' is no day of week of cron"),
        ("cron(0 20 ? * MON 1969)", "'1969' is no year of cron"),
        ("cron(0/0 20 ? * MON *)", "'0/0' is no minutes of cron"),
        ("cron(0 20 * * * *)", "exactly one of day of month and day of week must be '?'"),
        ("cron(0 20 ? * ? *)", "exactly one of day of month and day of week must be '?'"),
    ],
)
def test_invalid(expression: str, problem: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_expression(expression)
    assert str(caught.value) == f"expression is {expression!r}; {problem}"


def test_time_zones() -> None:
    check_timezone("Europe/Berlin")
    with pytest.raises(AwsError) as caught:
        check_timezone("Europe/Berln")
    assert str(caught.value) == (
        "timezone is 'Europe/Berln'; it must be a name of the IANA time zone database, such as "
        "Europe/Berlin"
    )


def test_machine_without_time_zones_takes_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_expression, "available_timezones", set)
    check_timezone("Europe/Berln")
