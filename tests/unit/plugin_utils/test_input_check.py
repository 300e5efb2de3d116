"""The variables of a role, with the types and rules that they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.input_check import (
    RefusedError,
    cast,
    check,
    unknown_names,
)

TAINT = {
    "type": "dict",
    "options": {
        "key": {"type": "str", "required": True},
        "effect": {"type": "str", "choices": ["NoSchedule", "NoExecute"]},
        "seconds": {"type": "int"},
    },
}


@pytest.mark.parametrize(
    ("value", "option", "result"),
    [
        ("text", {}, "text"),
        ("~/folder", {"type": "path"}, "~/folder"),
        (3, {"type": "int"}, 3),
        ("3", {"type": "int"}, 3),
        ("-3", {"type": "int"}, -3),
        ("0.5", {"type": "float"}, 0.5),
        (2, {"type": "float"}, 2),
        ("Yes", {"type": "bool"}, True),
        (False, {"type": "bool"}, False),
        (["1", 2], {"type": "list", "elements": "int"}, [1, 2]),
        (["a", 2], {"type": "list"}, ["a", 2]),
        ({"anything": 1}, {"type": "dict"}, {"anything": 1}),
        ({"key": "a", "seconds": "4"}, TAINT, {"key": "a", "seconds": 4}),
        (3, {"type": "raw"}, 3),
        ("7", {"type": "int", "choices": [1, 7]}, 7),
    ],
)
def test_values_get_their_type(value: Any, option: dict[str, Any], result: Any) -> None:
    assert cast("x", value, option) == result


@pytest.mark.parametrize(
    ("value", "option", "message"),
    [
        (1.34, {}, 'x is 1.34, but must be text; a number must be quoted, such as "1.34"'),
        (None, {}, "x is null, but must be text"),
        ("many", {"type": "int"}, 'x is "many", but must be a whole number, such as 3'),
        ("3.5", {"type": "int"}, 'x is "3.5", but must be a whole number'),
        (True, {"type": "int"}, "x is true, but must be a whole number"),
        ("much", {"type": "float"}, 'x is "much", but must be a number'),
        ("maybe", {"type": "bool"}, 'x is "maybe", but must be true or false'),
        (1, {"type": "bool"}, "x is 1, but must be true or false"),
        ("a, b", {"type": "list"}, 'x is "a, b", but must be a list, on the command line as JSON'),
        ("a=b", {"type": "dict"}, 'x is "a=b", but must be a mapping, on the command line'),
        ([1, "b"], {"type": "list", "elements": "int"}, 'x[1] is "b", but must be a whole'),
        ({"effect": "NoExecute"}, TAINT, "key (required), effect, seconds; it is without key"),
        ({"key": "a", "efect": ""}, TAINT, "it is with efect"),
        ({"key": "a", "effect": "Never"}, TAINT, 'x.effect is "Never", but must be one of NoSch'),
        (5, {"type": "int", "choices": [1, 7]}, "x is 5, but must be one of 1, 7"),
        ("s3cret", {"type": "list", "no_log": True}, "what was given is a secret and is not shown"),
    ],
)
def test_other_types_are_refused(value: Any, option: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        cast("x", value, option)
    assert message in str(refused.value)
    assert "s3cret" not in str(refused.value)


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    return eval(expression, {}, dict(values))


def checked(given: dict[str, Any]) -> list[str]:
    """Return what is said of two numbers, of which the second must not be the smaller one."""
    options = {"low": {"type": "int"}, "high": {"type": "int"}}
    rules: list[dict[str, Any]] = [
        {"name": ["low", "high"], "valid": "given >= 0", "allowed": "0 or more"},
        {"name": "high", "valid": "given >= low", "allowed": "above\n  low", "why": "low - given"},
    ]
    return check(options, rules, given.__getitem__, evaluate)


def test_rules_see_numbers() -> None:
    assert checked({"low": "9", "high": "10"}) == []


def test_every_refusal_is_told() -> None:
    assert checked({"low": "3", "high": -1}) == [
        "high is -1, but must be 0 or more",
        "high is -1, but must be above low: 4",
    ]


def test_rules_are_not_looked_at_before_all_types_are_right() -> None:
    assert checked({"low": "few", "high": "many"}) == [
        'low is "few", but must be a whole number, such as 3',
        'high is "many", but must be a whole number, such as 3',
    ]


def test_what_is_made_of_a_refused_value_hides_no_refusal() -> None:
    def read(name: str) -> Any:
        if name == "low":
            return "few"
        raise AnsibleError("no number")

    options = {"low": {"type": "int"}, "high": {"type": "int"}}
    assert len(check(options, [], read, evaluate)) == 1
    with pytest.raises(AnsibleError, match="no number"):
        check({"high": options["high"]}, [], read, evaluate)


def test_misspelt_names() -> None:
    variables = ["web_port", "web_prot", "web_result", "other_port", "webs"]
    assert unknown_names("web", ["web_port"], ["web_result"], variables) == [
        "web_prot is not a variable of the role web: did you mean web_port?"
    ]
    assert unknown_names("web", ["web_port"], [], ["web_qqqqqqqq"]) == [
        "web_qqqqqqqq is not a variable of the role web"
    ]
