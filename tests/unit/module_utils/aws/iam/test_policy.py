"""IAM policies compared as data."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.policy import (
    canonical,
    policy_arns,
    policy_size,
)

ALLOW = {"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": "*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    "other",
    [
        policy({**ALLOW, "Action": ["a:C", "a:B", "a:C"]}),
        policy({**ALLOW, "Resource": ["*"]}),
        {"Version": "2012-10-17", "Statement": ALLOW},
        policy(ALLOW, ALLOW),
    ],
    ids=["order", "list of one", "one statement", "twice"],
)
def test_spellings_that_mean_the_same(other: dict[str, Any]) -> None:
    assert canonical(policy(ALLOW)) == canonical(other)


def test_order_of_statements_means_nothing() -> None:
    other = {**ALLOW, "Effect": "Deny"}
    assert canonical(policy(ALLOW, other)) == canonical(policy(other, ALLOW))


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "a:B"},
        {"Effect": "Deny"},
        {"Resource": ["*", "arn:aws:s3:::b"]},
        {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    ],
)
def test_what_means_something_else(change: dict[str, Any]) -> None:
    assert canonical(policy(ALLOW)) != canonical(policy({**ALLOW, **change}))


def test_booleans_and_numbers_of_conditions_are_text() -> None:
    given = {"Bool": {"a:Mfa": True}, "NumericEquals": {"a:N": 3}}
    read = {"Bool": {"a:Mfa": "true"}, "NumericEquals": {"a:N": "3"}}
    first, second = (policy({**ALLOW, "Condition": condition}) for condition in (given, read))
    assert canonical(first) == canonical(second)


def test_an_account_is_its_root_as_principal_only() -> None:
    account, root = "123456789012", "arn:aws:iam::123456789012:root"

    def trust(principal: Any, account: str = account) -> dict[str, Any]:
        condition = {"StringEquals": {"aws:SourceAccount": account}}
        return policy(
            {
                "Effect": "Allow",
                "Principal": principal,
                "Action": "sts:AssumeRole",
                "Condition": condition,
            }
        )

    assert canonical(trust({"AWS": account})) == canonical(trust({"AWS": [root]}))
    assert canonical(trust("*")) != canonical(trust({"AWS": root}))
    assert canonical(trust("*")) != canonical(trust("*", root))


def test_a_name_is_a_policy_of_aws() -> None:
    own = "arn:aws:iam::123456789012:policy/own"
    assert policy_arns(["service-role/B", own, "A", "arn:aws:iam::aws:policy/A"]) == [
        own,
        "arn:aws:iam::aws:policy/A",
        "arn:aws:iam::aws:policy/service-role/B",
    ]


def test_white_space_has_no_size() -> None:
    assert policy_size({"Sid": "a b"}) == len('{"Sid":"ab"}')
