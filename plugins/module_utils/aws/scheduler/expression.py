"""The schedule expressions of EventBridge Scheduler: at, rate and cron."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import available_timezones

from ..core import AwsError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
RATE = re.compile(r"[1-9]\d* (minute|hour|day)s?")


@dataclass(frozen=True)
class Part:
    """One field of a cron expression: its range, the names for its values, and what else it takes.

    ``also`` is a pattern of the forms that only this field has.
    """

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    also: str = ""

    def holds(self, text: str) -> bool:
        """Tell whether this is a value of the field."""
        if text in self.names:
            return True
        return text.isdecimal() and self.low <= int(text) <= self.high

    def takes(self, text: str) -> bool:
        """Tell whether the whole text of the field is valid."""
        return all(self.takes_item(item) for item in text.split(","))

    def takes_item(self, item: str) -> bool:
        """Tell whether one item of a list is valid: ``*``, a value, a range, or steps in these."""
        if self.also and re.fullmatch(self.also, item):
            return True
        span, slash, step = item.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return False
        first, dash, last = span.partition("-")
        return span == "*" or (self.holds(first) and (not dash or self.holds(last)))


PARTS = (
    Part("minutes", 0, 59),
    Part("hours", 0, 23),
    Part("day of month", 1, 31, also=r"\?|L|LW|([1-9]|[12]\d|3[01])W"),
    Part("month", 1, 12, MONTHS),
    Part("day of week", 1, 7, DAYS, also=rf"\?|L|([1-7]|{'|'.join(DAYS)})(L|#[1-5])"),
    Part("year", 1970, 2199),
)


def cron_problem(text: str) -> str | None:
    """Return what is wrong with the fields of a cron expression, if anything is."""
    fields = text.split()
    if len(fields) != len(PARTS):
        names = ", ".join(part.name for part in PARTS)
        return f"cron has {len(fields)} fields; it needs {len(PARTS)}: {names}"
    for part, field in zip(PARTS, fields, strict=True):
        if not part.takes(field.upper()):
            return f"{field!r} is no {part.name} of cron"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "exactly one of day of month and day of week must be '?'"
    return None


def expression_problem(expression: str) -> str | None:
    """Return what is wrong with a schedule expression, if anything is."""
    matched = re.fullmatch(r"(at|rate|cron)\((.*)\)", expression)
    if not matched:
        return "it must be at(...), rate(...) or cron(...)"
    kind, text = matched.groups()
    if kind == "cron":
        return cron_problem(text)
    if kind == "rate":
        return None if RATE.fullmatch(text) else "rate needs a number and minutes, hours or days"
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "at needs a time such as 2026-01-31T06:30:00"
    return None


def check_expression(expression: str) -> None:
    """Refuse an expression that EventBridge Scheduler would not take.

    Raises:
        AwsError: the message says what is wrong with it.
    """
    if problem := expression_problem(expression):
        raise AwsError(f"expression is {expression!r}; {problem}")


def check_timezone(timezone: str) -> None:
    """Refuse a time zone that does not exist, where this machine knows the time zones.

    Raises:
        AwsError: it is not in the time zone database.
    """
    known = available_timezones()
    if known and timezone not in known:
        raise AwsError(
            f"timezone is {timezone!r}; it must be a name of the IANA time zone database, "
            "such as Europe/Berlin"
        )
