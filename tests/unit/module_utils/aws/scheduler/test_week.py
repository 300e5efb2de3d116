"""The waking hours of a week."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.week import (
    waking_hours,
)

EVENING = "cron(0 20 ? * MON-FRI *)"
MORNING = "cron(0 8 ? * MON-FRI *)"


@pytest.mark.parametrize(
    ("stop", "start", "hours"),
    [
        ("", "", 168),
        ("", MORNING, 168),
        (EVENING, MORNING, 5 * 12),
        ("cron(0,30 20 ? * MON-FRI *)", MORNING, 5 * 12),
        ("cron(0 20 * * ? *)", "cron(0 8 * * ? *)", 7 * 12),
        ("cron(0 0 ? * SAT *)", "cron(0 0 ? * 2 *)", 5 * 24),
        ("cron(0 20 * * ? *)", MORNING, 5 * 12),
        (EVENING, "cron(30 8 ? * MON,WED,FRI *)", 3 * 11.5),
        ("cron(0 4/8 * * ? *)", "cron(0 0/8 * * ? *)", 7 * 12),
        ("cron(0 20 ? * 2-6/2 *)", "cron(0 8 ? * MON-FRI *)", 12 + 36 + 36),
    ],
)
def test_hours_between_start_and_stop(stop: str, start: str, hours: float) -> None:
    assert waking_hours(stop, start) == hours


@pytest.mark.parametrize(
    ("stop", "start"),
    [
        (EVENING, ""),
        ("cron(0 20 1 * ? *)", MORNING),
        ("cron(0 20 ? 1-3 MON *)", MORNING),
        ("cron(0 20 ? * FRIL *)", MORNING),
        ("cron(0 20 ? * 2#1 *)", MORNING),
        (EVENING, "rate(1 day)"),
    ],
)
def test_what_differs_from_week_to_week_is_unknown(stop: str, start: str) -> None:
    assert waking_hours(stop, start) is None
