"""The evaluator of policies decides as IAM documents it."""

from __future__ import annotations

from typing import Any

import pytest
from support.policy_evaluator import (
    Decision,
    Request,
    UnknownPolicyElementError,
    Values,
    evaluate,
)

VPC = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "ec2:DeleteVpc", "Resource": "*", **changes}


def decide(*statements: dict[str, Any], context: dict[str, Values] | None = None) -> Decision:
    return evaluate([policy(*statements)], Request("ec2:DeleteVpc", VPC, context or {}))


def holds(condition: dict[str, Any], **context: Values) -> bool:
    keys = {key.replace("_", ":", 1): value for key, value in context.items()}
    return decide(allow(Condition=condition), context=keys) is Decision.ALLOWED


def test_silence_is_a_denial_and_a_denial_beats_everything() -> None:
    deny = {**allow(), "Effect": "Deny", "Resource": VPC}
    assert evaluate([], Request("ec2:DeleteVpc", VPC)) is Decision.IMPLICIT_DENY
    assert decide(allow(Action="ec2:CreateVpc")) is Decision.IMPLICIT_DENY
    assert decide(allow()) is Decision.ALLOWED
    assert decide(allow(), deny) is Decision.EXPLICIT_DENY
    assert evaluate([policy(deny), policy(allow())], Request("ec2:DeleteVpc", VPC)) is (
        Decision.EXPLICIT_DENY
    )


@pytest.mark.parametrize(
    ("action", "fits"),
    [
        ("EC2:deletevpc", True),
        ("ec2:*Vpc", True),
        ("ec2:Delete???", True),
        (["s3:*", "ec2:DeleteVpc"], True),
        ("ec2:Delete", False),
        ("ec2:Delete??", False),
        ("*:DeleteVpcs", False),
    ],
)
def test_actions(action: Any, fits: bool) -> None:
    assert (decide(allow(Action=action)) is Decision.ALLOWED) == fits


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        ("arn:aws:ec2:eu-west-1:123456789012:*", True),
        ("arn:aws:ec2:*:*:vpc/*", True),
        (["arn:aws:s3:::b", VPC], True),
        ("arn:aws:ec2:eu-west-1:*", False),
        ("arn:aws:ec2:eu-west-1:123456789012:subnet/*", False),
        ("arn:aws:ec2:eu-west-1:123456789012:VPC/*", False),
        ("arn:aws:ec2:eu-west-2:123456789012:vpc/*", False),
    ],
)
def test_resources(resource: Any, fits: bool) -> None:
    assert (decide(allow(Resource=resource)) is Decision.ALLOWED) == fits


def test_an_action_without_resource_needs_a_star() -> None:
    request = Request("ec2:DescribeVpcs")
    arns = allow(Action="ec2:DescribeVpcs", Resource="arn:aws:ec2:*:*:*")
    assert evaluate([policy(arns)], request) is Decision.IMPLICIT_DENY
    assert evaluate([policy({**arns, "Resource": "*"})], request) is Decision.ALLOWED


def test_what_is_not_named() -> None:
    statement = {"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::*"}
    assert decide(statement) is Decision.ALLOWED
    assert decide({**statement, "NotAction": "ec2:*"}) is Decision.IMPLICIT_DENY
    assert decide({**statement, "NotResource": VPC}) is Decision.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "fits"),
    [
        ("StringEquals", "mlops", "mlops", True),
        ("StringEquals", ["a", "mlops"], "mlops", True),
        ("StringEquals", "ml*", "mlops", False),
        ("StringNotEquals", "mlops", "other", True),
        ("StringNotEquals", ["other", "mlops"], "other", False),
        ("StringLike", "ml*s", "mlops", True),
        ("StringLike", "ml", "mlops", False),
        ("StringNotLike", "ml*", "mlops", False),
        ("ArnEquals", "arn:aws:iam::aws:policy/*", "arn:aws:iam::aws:policy/A", True),
        ("ArnLike", "arn:aws:iam::*", "arn:aws:iam::aws:policy/A", False),
        ("ArnNotLike", "arn:aws:iam::aws:policy/*", "arn:aws:iam::aws:policy/A", False),
        ("Bool", "true", "True", True),
        ("Bool", "true", "false", False),
        ("Null", "false", "mlops", True),
        ("Null", "true", "mlops", False),
    ],
)
def test_operators(operator: str, wanted: Any, value: str, fits: bool) -> None:
    assert holds({operator: {"aws:Key": wanted}}, aws_key=value) == fits


@pytest.mark.parametrize(
    ("operator", "fits"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringEqualsIfExists", True),
        ("StringNotEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAllValues:StringEquals", True),
        ("Null", False),
    ],
)
def test_a_key_that_the_context_lacks(operator: str, fits: bool) -> None:
    wanted = "false" if operator == "Null" else "mlops"
    assert holds({operator: {"aws:key": wanted}}) == fits


def test_keys_with_several_values() -> None:
    keys: Values = ["Platform", "Name"]
    assert holds({"ForAnyValue:StringEquals": {"aws:TagKeys": "Name"}}, aws_tagkeys=keys)
    assert not holds({"ForAllValues:StringEquals": {"aws:TagKeys": "Name"}}, aws_tagkeys=keys)
    assert holds(
        {"ForAllValues:StringLike": {"aws:TagKeys": "?*a*m*"}}, aws_tagkeys=["Name", "aam"]
    )


def test_all_keys_of_all_operators_must_hold() -> None:
    condition = {"StringEquals": {"aws:A": "a", "aws:B": "b"}, "Bool": {"aws:C": "true"}}
    assert holds(condition, aws_a="a", aws_b="b", aws_c="true")
    assert not holds(condition, aws_a="a", aws_b="x", aws_c="true")
    assert not holds(condition, aws_a="a", aws_b="b", aws_c="false")


@pytest.mark.parametrize(
    "statement",
    [
        allow(Principal="*"),
        allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        allow(Condition={"ForNoValue:StringEquals": {"aws:TagKeys": "a"}}),
        allow(Resource="arn:aws:ec2:eu-west-1:123456789012:vpc/${aws:username}"),
    ],
)
def test_what_is_not_known_is_an_error(statement: dict[str, Any]) -> None:
    with pytest.raises(UnknownPolicyElementError):
        decide(statement)
