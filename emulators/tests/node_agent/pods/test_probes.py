"""Probe thresholds, delays and periods, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from node_agent.pods.probes import Check, Threshold, answers, http_get


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ("+++", "+  "),
        ("--+", "  +"),
        ("---", "  -"),
        ("+----+", "+  - +"),
        ("+--+--", "+     "),
    ],
)
def test_threshold(given: str, changes: str) -> None:
    threshold = Threshold(success=1, failure=3)
    seen = "".join(sign if threshold.observe(sign == "+") else " " for sign in given)
    assert seen == changes


def test_success_threshold_counts_in_a_row() -> None:
    threshold = Threshold(success=2, failure=1)
    assert [threshold.observe(good) for good in (True, False, True, True)] == [
        False,
        True,
        False,
        True,
    ]


def test_delay_and_period_on_an_injected_clock() -> None:
    slept: list[float] = []
    results: Iterator[str] = iter(["not yet", "", ""])

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def check() -> str:
        return next(results)

    async def three() -> list[tuple[str, bool | None]]:
        probe = {"initialDelaySeconds": 7, "periodSeconds": 3, "failureThreshold": 1}
        stream = answers(probe, check, sleep)
        return [(a.problem, a.change) for a in [await anext(stream) for _ in range(3)]]

    assert asyncio.run(three()) == [("not yet", False), ("", True), ("", None)]
    assert slept == [7, 3, 3]


def test_slow_and_unreachable_are_failures() -> None:
    async def slow() -> str:
        await asyncio.sleep(5)
        return ""

    async def unreachable() -> str:
        return await http_get({}, "127.0.0.1", 1)

    async def first(probe: dict[str, float], check: Check) -> str:
        return (await anext(answers(probe, check))).problem

    assert asyncio.run(first({"timeoutSeconds": 0.01}, slow)) == "timed out after 0.01s"
    assert "Connect call failed" in asyncio.run(first({}, unreachable))
