"""IAM policies as data: when two mean the same, and how long they are to IAM."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ..core import Fields

AWS_MANAGED = "arn:aws:iam::aws:policy/"


def policy_text(policy: Fields) -> str:
    """Return a policy as IAM takes it."""
    return json.dumps(policy, separators=(",", ":"))


def policy_size(policy: Fields) -> int:
    """Return how many characters of a policy IAM counts."""
    return len(re.sub(r"\s", "", policy_text(policy)))


def in_one_order(value: Any) -> Any:
    """Return a part of a policy in one of the spellings that mean the same to IAM.

    A list has no order, a list of one is its only value, and numbers and booleans are text.
    """
    if isinstance(value, dict):
        return {key: in_one_order(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = sorted({json.dumps(in_one_order(part), sort_keys=True) for part in value})
        return json.loads(parts[0]) if len(parts) == 1 else [json.loads(part) for part in parts]
    return value if isinstance(value, str) else json.dumps(value)


def with_root(principal: Any) -> Any:
    """Return principals with the ARN into which IAM turns the bare number of an account."""
    if isinstance(principal, dict):
        return {kind: with_root(part) for kind, part in principal.items()}
    if isinstance(principal, list):
        return [with_root(part) for part in principal]
    return re.sub(r"^\d{12}$", r"arn:aws:iam::\g<0>:root", principal)


def canonical(policy: Fields) -> Fields:
    """Return a policy such that two are equal if they mean the same."""
    statements = policy["Statement"]
    rewritten = [
        {key: with_root(part) if key == "Principal" else part for key, part in statement.items()}
        for statement in (statements if isinstance(statements, list) else [statements])
    ]
    return {**policy, "Statement": in_one_order(rewritten)}


def policy_arns(policies: Iterable[str]) -> list[str]:
    """Return managed policies by ARN, in a fixed order; a name is that of one of AWS's own."""
    return sorted(
        {policy if policy.startswith("arn:") else AWS_MANAGED + policy for policy in policies}
    )
