"""Budgets against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.budget import ensure_budget
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from support.scripted_aws import ScriptedAws

ACCOUNT = "123456789012"
NAMES = {"AccountId": ACCOUNT, "BudgetName": "mlops"}


def params(**changes: Any) -> Fields:
    """Return the module's options for the budget below."""
    return {
        "name": "mlops",
        "account_id": ACCOUNT,
        "state": "present",
        "limit": 200.0,
        "cost_filters": None,
        "notifications": None,
        "tags": None,
        "purge_tags": True,
        **changes,
    }


def budget(**changes: Any) -> Fields:
    """Return the settings of a budget."""
    return {
        "BudgetName": "mlops",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "200.0", "Unit": "USD"},
        **changes,
    }


def entry(threshold: float, *subscribers: str) -> Fields:
    """Return a notification of the option."""
    return {"threshold": threshold, "type": "ACTUAL", "subscribers": list(subscribers)}


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_budget(script: ScriptedAws, **changes: Any) -> None:
    """Expect a look at the budget."""
    script.answer("budgets", "describe_budget", {"Budget": budget(**changes)}, **NAMES)


def test_account_is_that_of_the_credentials(script: ScriptedAws) -> None:
    script.answer("sts", "get_caller_identity", {"Account": ACCOUNT})
    script.refuse("budgets", "describe_budget", "NotFoundException")
    wanted = budget(BudgetLimit={"Amount": "200.0", "Unit": "USD"})
    script.answer("budgets", "create_budget", {}, AccountId=ACCOUNT, Budget=wanted)
    assert ensure_budget(script.aws(), params(account_id=None))["changed"]


def test_what_is_not_managed_is_neither_read_nor_changed(script: ScriptedAws) -> None:
    kept = {"CostFilters": {"TagKeyValue": ["user:Project$mlops"]}}
    spent = {"CalculatedSpend": {"ActualSpend": {"Amount": "1", "Unit": "USD"}}}
    expect_budget(script, **kept, **spent)
    wanted = budget(**kept, BudgetLimit={"Amount": "50.25", "Unit": "USD"})
    script.answer("budgets", "update_budget", {}, AccountId=ACCOUNT, NewBudget=wanted)
    result = ensure_budget(script.aws(), params(limit=50.25))
    assert result["diff"] == {"before": {"limit": 200.0}, "after": {"limit": 50.25}}


def test_filters_are_compared_without_order_and_replaced(script: ScriptedAws) -> None:
    tagged = {"TagKeyValue": ["user:Platform$b", "user:Platform$a"]}
    expect_budget(script, CostFilters=tagged)
    same = {"TagKeyValue": ["user:Platform$a", "user:Platform$b"]}
    assert not ensure_budget(script.aws(), params(cost_filters=same))["changed"]
    expect_budget(script, CostFilters=tagged)
    wanted = budget(CostFilters={"TagKeyValue": ["user:Platform$a"]})
    script.answer("budgets", "update_budget", {}, AccountId=ACCOUNT, NewBudget=wanted)
    other = {"TagKeyValue": ["user:Platform$a"]}
    result = ensure_budget(script.aws(), params(cost_filters=other))
    assert result["changes"][0]["fields"] == ["cost_filters"]


def test_notification_of_another_kind_is_removed(script: ScriptedAws) -> None:
    expect_budget(script)
    other = {
        "NotificationType": "ACTUAL",
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": 80.0,
        "ThresholdType": "ABSOLUTE_VALUE",
    }
    described = {"Notifications": [{**other, "NotificationState": "OK"}]}
    script.answer("budgets", "describe_notifications_for_budget", described, **NAMES)
    people = [{"SubscriptionType": "EMAIL", "Address": "a@example.com"}]
    method = "describe_subscribers_for_notification"
    script.answer("budgets", method, {"Subscribers": people}, **NAMES, Notification=other)
    script.answer("budgets", "delete_notification", {}, **NAMES, Notification=other)
    ours = other | {"ThresholdType": "PERCENTAGE"}
    script.answer(
        "budgets", "create_notification", {}, **NAMES, Notification=ours, Subscribers=people
    )
    options = params(notifications=[entry(80, "a@example.com")])
    assert ensure_budget(script.aws(), options)["changed"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_budget_of_another_kind_is_not_touched(script: ScriptedAws, state: str) -> None:
    expect_budget(script, TimeUnit="DAILY")
    message = "budget mlops is a DAILY budget of type COST; it must be a MONTHLY one of type COST"
    with pytest.raises(AwsError, match=message):
        ensure_budget(script.aws(), params(state=state))


MANY = [f"{number}@example.com" for number in range(11)]
TOPICS = [f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}" for name in "ab"]
MOST = "it must have at least one subscriber, at most 10 e-mail addresses and 1 topic"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a:b"}, "name is 'a:b'; it must be 1 to 100 characters without ':' and '\\'"),
        ({"account_id": "1234"}, "account_id is '1234'; it must be 12 digits, in quotes"),
        ({"limit": 0.0}, "limit is 0; it must be more than 0 US dollars"),
        (
            {"cost_filters": {"TagKeyValue": "user:a$b"}},
            "cost_filters has TagKeyValue: 'user:a$b'; it must be a list of values, such as "
            "TagKeyValue: ['user:Platform$mlops']",
        ),
        (
            {"notifications": [entry(number + 1, "a@b.c") for number in range(11)]},
            "notifications has 11 entries; a budget has at most 10",
        ),
        (
            {"notifications": [entry(80, "a@b.c"), entry(80.0, "d@e.f")]},
            "notifications has ACTUAL 80 % more than once; list its subscribers in one",
        ),
        (
            {"notifications": [entry(0, "a@b.c")]},
            "notifications has ACTUAL 0 %; the threshold must be more than 0",
        ),
        (
            {"notifications": [entry(80, "mlops")]},
            "notifications ACTUAL 80 % has the subscriber 'mlops'; it must be an e-mail address "
            "or the ARN of an SNS topic",
        ),
        (
            {"notifications": [entry(80)]},
            f"notifications ACTUAL 80 % has 0 e-mail addresses and 0 topics; {MOST}",
        ),
        (
            {"notifications": [entry(80, *MANY)]},
            f"notifications ACTUAL 80 % has 11 e-mail addresses and 0 topics; {MOST}",
        ),
        (
            {"notifications": [entry(80, *TOPICS)]},
            f"notifications ACTUAL 80 % has 0 e-mail addresses and 2 topics; {MOST}",
        ),
    ],
)
def test_bad_options_are_refused_before_any_call(
    script: ScriptedAws, options: Fields, message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        ensure_budget(script.aws(), params(**options))
    assert str(caught.value) == message
