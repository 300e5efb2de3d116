"""The hours of a week between a schedule that stops and one that starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from .expression import (
    PARTS,
    Part,
)

HOURS_PER_WEEK = 168
MINUTES_PER_WEEK = HOURS_PER_WEEK * 60
# The other fields of a cron expression must mean every day, or the weeks are not alike.
EVERY = {"*", "?"}


def values_of(part: Part, text: str) -> Iterator[int]:
    """Yield the values that a field of a cron expression stands for.

    Raises:
        ValueError: it is one that means another day in another month, such as ``L``.
    """

    def value(word: str) -> int:
        return part.names.index(word) + part.low if word in part.names else int(word)

    for item in text.upper().split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        low = part.low if span in EVERY else value(first)
        high = part.high if span in EVERY or (step and not dash) else value(last or first)
        yield from range(low, high + 1, int(step or 1))


def minutes_of_week(expression: str) -> list[int] | None:
    """Return the minutes from Sunday 0:00 at which a valid cron expression fires.

    None is for one that fires at other times in another week.
    """
    matched = re.fullmatch(r"cron\((.*)\)", expression)
    if not matched:
        return None
    minutes, hours, day_of_month, month, day_of_week, year = matched.group(1).split()
    if {day_of_month, month, year} - EVERY:
        return None
    fields = ((PARTS[4], day_of_week), (PARTS[1], hours), (PARTS[0], minutes))
    try:
        times = product(*(list(values_of(part, text)) for part, text in fields))
        return sorted({(day - 1) * 1440 + hour * 60 + minute for day, hour, minute in times})
    except ValueError:
        return None


def waking_hours(stop: str, start: str) -> float | None:
    """Return the hours of a week in which a platform is awake.

    None is for schedules that do not say: without a start it is awake when somebody wakes it.
    """
    if not stop:
        return float(HOURS_PER_WEEK)
    stops, starts = minutes_of_week(stop), minutes_of_week(start)
    if not stops or not starts:
        return None
    # What both do in the same minute nobody knows; sleeping is taken to win.
    events = {**dict.fromkeys(starts, True), **dict.fromkeys(stops, False)}
    times = sorted(events)
    ends = [*times[1:], times[0] + MINUTES_PER_WEEK]
    awake = sum(end - begin for begin, end in zip(times, ends, strict=True) if events[begin])
    return awake / 60
