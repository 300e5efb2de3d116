"""Holds policies against the request log of a run: are they enough, and nothing more?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible_collections.mlops.gpu_platform.tools.role_variables import role_variable

from support.policy_evaluator import (
    Decision,
    Policy,
    Request,
    evaluate,
    listed,
    statements,
)
from support.policy_requests import Line, Tags, requests_of

EXPLANATIONS = Path(__file__).parents[1] / "data" / "operator_unused_actions.yml"
# What the resources that a run meets carry. All of EC2 was created with the platform's tag, or the
# policy would have denied it; the groups of nodes and what controllers make have tags of EKS's.
PLATFORM_TAGS = {
    "*": {"Platform": "mlops"},
    "autoScalingGroup": {"eks:cluster-name": "mlops"},
    "loadbalancer": {"elbv2.k8s.aws/cluster": "mlops"},
    "network-interface": {"cluster.k8s.amazonaws.com/name": "mlops"},
    "snapshot": {"kubernetes.io/cluster/mlops": "owned"},
    "targetgroup": {"elbv2.k8s.aws/cluster": "mlops"},
    "volume": {"kubernetes.io/cluster/mlops": "owned"},
}


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


def explained_actions() -> set[str]:
    """Return the actions that the operator has although a run on the local stack does not use them.

    Each is in ``tests/data/operator_unused_actions.yml`` under the reason why it is needed at AWS.
    """
    explanations = yaml.safe_load(EXPLANATIONS.read_text(encoding="utf-8"))
    return {action for actions in explanations.values() for action in actions}


def operator_policies(**given: Any) -> list[Policy]:
    """Return the policies of the operator role; variables of aws_identity can be given."""
    principals = {"aws_identity_operator_principals": ["arn:aws:iam::123456789012:root"]}
    role = role_variable("aws_identity", "_aws_identity_operator_role", **principals | given)
    return list(role["inline_policies"].values())
