"""Contenders side by side: rounds A B A B, so that what else the machine does hits them alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")
Row = tuple[object, ...]
"""A row of a table; str() gives the text of each cell."""


class Spread(NamedTuple):
    """The median of the rounds, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Summarise the rounds of one contender."""
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def ratio(cls, ours: list[float], theirs: list[float]) -> Spread:
        """Summarise the ratio of two contenders, taken in each round by itself."""
        return cls.of([our / their for our, their in zip(ours, theirs, strict=True)])

    def __str__(self) -> str:
        """Write the median, and the spread in brackets."""
        return f"{number(self.median)} ({number(self.low)}-{number(self.high)})"


def number(value: float) -> str:
    """Write a figure with three digits that count."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def interleave(
    contenders: Mapping[str, Callable[[], Result]], rounds: int
) -> dict[str, list[Result]]:
    """Call each contender once for warming up, then all in turn, round by round."""
    for contender in contenders.values():
        contender()
    results: dict[str, list[Result]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            results[name].append(contender())
    return results


def table(title: str, header: tuple[str, ...], rows: Sequence[Row]) -> str:
    """Return a Markdown table under a title."""
    lines: list[Row] = [header, tuple("---" for _ in header), *rows]
    text = "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    return f"\n**{title}**\n\n{text}\n"
