"""Holds policies against the request log of a run: are they enough, and nothing more?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.mlops.gpu_platform.tests.policy_evaluator import (
    Decision,
    Policy,
    Request,
    evaluate,
    listed,
    statements,
)
from ansible_collections.mlops.gpu_platform.tests.policy_requests import Line, Tags, requests_of


class Verdict(NamedTuple):
    """What a run was denied, and the actions that policies allow and the run did not use."""

    denied: list[Request]
    unused: set[str]


def check_policy(log: Iterable[Line], policies: Iterable[Policy], tags: Tags) -> Verdict:
    """Replay a request log against policies; for ``tags`` see ``requests_of``.

    Unsigned requests and those of an operation that AWS does not know are nobody's.
    """
    policies = list(policies)
    denied: dict[str, Request] = {}
    used: set[str] = set()
    for line in log:
        if line["service"] == "-" or line.get("error") == "UnknownOperation":
            continue
        for request in requests_of(line, tags):
            used.add(request.action)
            if evaluate(policies, request) is not Decision.ALLOWED:
                denied[f"{request.action} {request.resource}"] = request
    return Verdict(list(denied.values()), allowed_actions(policies) - used)


def allowed_actions(policies: Iterable[Policy]) -> set[str]:
    """Return every action that policies allow on anything, wildcards written out."""
    from parliament import expand_action

    return {
        f"{action['service']}:{action['action']}"
        for statement in statements(policies)
        if statement["Effect"] == "Allow"
        for pattern in listed(statement["Action"])
        for action in expand_action(pattern)
    }
