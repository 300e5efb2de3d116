"""Decides as IAM does whether identity policies allow a request.

What it knows is what the policies of this collection use; anything else is an error and no guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

Policy = Mapping[str, Any]
Values = str | list[str]


class Request(NamedTuple):
    """One action on one resource, in a context whose keys are in lower case."""

    action: str
    resource: str = "*"
    context: Mapping[str, Values] = {}


class Decision(Enum):
    """What policies say: an explicit denial beats everything, and silence is a denial too."""

    ALLOWED = "allowed"
    IMPLICIT_DENY = "implicit deny"
    EXPLICIT_DENY = "explicit deny"


class UnknownPolicyElementError(Exception):
    """A policy has something that this evaluator does not know."""


STATEMENT = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def evaluate(policies: Iterable[Policy], request: Request) -> Decision:
    """Decide on a request by all these policies together."""
    effects = {
        statement["Effect"] for statement in statements(policies) if applies(statement, request)
    }
    if "Deny" in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOWED if "Allow" in effects else Decision.IMPLICIT_DENY


def statements(policies: Iterable[Policy]) -> Iterator[Mapping[str, Any]]:
    """Return the statements of policies."""
    return (statement for policy in policies for statement in listed(policy["Statement"]))


def listed(value: Any) -> list[Any]:
    """Return the values of an element that may be one value or a list."""
    return value if isinstance(value, list) else [value]


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Tell whether a statement is about a request.

    Raises:
        UnknownPolicyElementError: the statement has an element that is not known.
    """
    if unknown := set(statement) - STATEMENT:
        raise UnknownPolicyElementError(f"element {', '.join(sorted(unknown))}")
    actions = listed(statement.get("Action", statement.get("NotAction")))
    resources = listed(statement.get("Resource", statement.get("NotResource")))
    action = any(matches(pattern.lower(), request.action.lower()) for pattern in actions)
    resource = any(arn_matches(pattern, request.resource) for pattern in resources)
    return (
        action == ("Action" in statement)
        and resource == ("Resource" in statement)
        and all(
            condition_holds(operator, key, listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


@cache
def glob(pattern: str) -> re.Pattern[str]:
    """Return an IAM pattern, where * is any text and ? any character, as a regular expression."""
    if "${" in pattern:
        raise UnknownPolicyElementError(f"policy variable in {pattern}")
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(character, re.escape(character)) for character in pattern))


def matches(pattern: str, value: str) -> bool:
    """Tell whether a value fits a pattern as a whole."""
    return glob(pattern).fullmatch(value) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Tell whether an ARN fits a pattern, part by part: a wildcard does not reach over a colon.

    The last of the six parts is the resource, in which it does.
    """
    if "*" in (pattern, arn):
        return pattern == "*"
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(matches, patterns, parts))


Compare = Callable[[str, str], bool]
OPERATORS: Mapping[str, Compare] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def condition_holds(
    operator: str, key: str, wanted: list[str], context: Mapping[str, Values]
) -> bool:
    """Tell whether one key of a condition holds in a context.

    Raises:
        UnknownPolicyElementError: the operator is not known.
    """
    present = key.lower() in context
    if operator == "Null":
        return wanted == ["false" if present else "true"]
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in NEGATED
    compare = OPERATORS.get(NEGATED.get(name, name))
    if compare is None or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        raise UnknownPolicyElementError(f"operator {operator}")
    values = listed(context.get(key.lower(), []))
    fits = [any(compare(text, value) for text in wanted) != negated for value in values]
    if quantifier == "ForAllValues":
        return all(fits)
    if not present:
        return if_exists or (negated and not quantifier)
    return any(fits) if quantifier else all(fits)
