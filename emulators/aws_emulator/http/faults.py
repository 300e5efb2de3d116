"""Faults that a test asks for: throttling, errors of the server, and slow answers.

``PUT /_emulator/faults`` takes a list of rules, GET shows them with their hits, DELETE ends them.
The first rule that strikes a request decides on it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from .call import Application, Call, Environ, StartResponse, call_of
from .refusal import refuse

READS = ("BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Simulate")


@dataclass
class Rule:
    """Which requests a fault strikes, and what it does to them.

    Of the requests that match, the first ``after`` pass; of the others a share of ``rate`` is
    struck, until there were ``count``. The fault waits for ``delay`` seconds, and answers with
    ``error`` and ``status``; without an error the request is then carried out as ever.
    """

    service: str | None = None
    action: str | None = None
    mutating: bool = False
    after: int = 0
    count: int | None = None
    rate: float = 1.0
    seed: int = 0
    delay: float = 0.0
    error: str | None = None
    status: int = 400
    message: str = "A fault that a test asked for."
    matches: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Refuse a rule that does nothing; begin the sequence of its seed."""
        if not self.error and not self.delay:
            raise ValueError("a rule needs an error or a delay")
        if not 0 <= self.rate <= 1 or not 400 <= self.status <= 599:
            raise ValueError("rate is from 0 to 1, and status from 400 to 599")
        self._random = random.Random(self.seed)

    def strikes(self, call: Call) -> bool:
        """Say whether this request is struck, and count it."""
        if (
            self.service not in (None, call.service)
            or self.action not in (None, call.action)
            or (self.mutating and call.action.startswith(READS))
        ):
            return False
        self.matches += 1
        struck = (
            self.matches > self.after
            and self.hits != self.count
            and self._random.random() < self.rate
        )
        self.hits += struck
        return struck


class Faults:
    """The rules, in front of an application."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.rules: list[Rule] = []
        self.lock = threading.Lock()

    def show(self) -> list[dict[str, Any]]:
        """Return the rules with their hits."""
        return [asdict(rule) for rule in self.rules]

    def replace(self, given: list[dict[str, Any]]) -> None:
        """Set other rules."""
        self.rules = [Rule(**rule) for rule in given]

    def clear(self) -> None:
        """End all faults."""
        self.rules = []

    def rule_for(self, call: Call) -> Rule | None:
        """Return the rule that strikes a request, of which the operation is known."""
        if call.operation is None:
            return None
        with self.lock:
            return next((rule for rule in self.rules if rule.strikes(call)), None)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with a fault, or let the application answer."""
        if not self.rules or (rule := self.rule_for(call := call_of(environ))) is None:
            return self.application(environ, start_response)
        call.fault = rule.error or f"delay of {rule.delay} s"
        time.sleep(rule.delay)
        if not rule.error:
            return self.application(environ, start_response)
        return refuse(call, rule.status, rule.error, rule.message, start_response)
