"""The time that the emulated EKS takes: what is due happens before the next request.

Nothing of moto is imported here, as the command line sets the time before it sets moto up.
"""

from __future__ import annotations

import argparse
import heapq
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

KINDS = ("cluster", "nodegroup", "addon", "update")
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def parse_seconds(text: str) -> dict[str, float]:
    """Return the seconds by kind out of a text such as ``cluster=6,nodegroup=3``.

    Raises:
        argparse.ArgumentTypeError: a kind is unknown, or its seconds are no number from 0.
    """
    seconds = {}
    for part in filter(None, text.split(",")):
        kind, _, number = part.partition("=")
        if kind not in KINDS or not number.replace(".", "", 1).isdecimal():
            raise argparse.ArgumentTypeError(
                f"{part!r} is not one of {', '.join(KINDS)}, an equals sign and seconds"
            )
        seconds[kind] = float(number)
    return seconds


class Agenda:
    """What will have happened by when. No thread waits: a request runs what is due before it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.now = time.monotonic
        self.entries: list[tuple[float, int, Callable[[], None]]] = []
        self.numbers = count()
        self.lock = threading.RLock()

    def after(self, kind: str, action: Callable[[], None]) -> None:
        """Put something down for when work of this kind that starts now is done."""
        due = self.now() + self.seconds.get(kind, 0)
        with self.lock:
            heapq.heappush(self.entries, (due, next(self.numbers), action))

    def run(self) -> None:
        """Do what is due, the oldest first."""
        with self.lock:
            while self.entries and self.entries[0][0] <= self.now():
                _, _, action = heapq.heappop(self.entries)
                action()


agenda = Agenda()


def on_time(application: Application) -> Application:
    """Run the agenda before each request to any service: a deleted cluster's parts are EC2's."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        agenda.run()
        return application(environ, start_response)

    return answer
