"""Each correction to moto's AWS Budgets, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

ACCOUNT = "123456789012"
NAMES = {"AccountId": ACCOUNT, "BudgetName": "costs"}
ARN = {"ResourceARN": f"arn:aws:budgets::{ACCOUNT}:budget/costs"}
NOTIFICATION = {
    "NotificationType": "ACTUAL",
    "ComparisonOperator": "GREATER_THAN",
    "Threshold": 80.0,
}
SUBSCRIBERS = [{"SubscriptionType": "EMAIL", "Address": "mlops@example.com"}]


def budget(limit: str, name: str = "costs") -> dict[str, Any]:
    """Return the settings of a budget."""
    amount = {"Amount": limit, "Unit": "USD"}
    kind = {"TimeUnit": "MONTHLY", "BudgetType": "COST"}
    return {"BudgetName": name, "BudgetLimit": amount, **kind}


def test_budget_can_be_changed(client: Callable[[str], Any]) -> None:
    budgets = client("budgets")
    tags = [{"Key": "a", "Value": "1"}]
    budgets.create_budget(AccountId=ACCOUNT, Budget=budget("1"), ResourceTags=tags)
    budgets.update_budget(AccountId=ACCOUNT, NewBudget=budget("2"))
    described = budgets.describe_budget(**NAMES)["Budget"]
    assert described["BudgetLimit"]["Amount"] == "2"
    assert "TimePeriod" in described

    asked = {**NAMES, "Notification": NOTIFICATION}
    budgets.create_notification(**asked, Subscribers=SUBSCRIBERS)
    found = budgets.describe_subscribers_for_notification(
        **NAMES, Notification={**NOTIFICATION, "ThresholdType": "PERCENTAGE"}
    )
    assert found["Subscribers"] == SUBSCRIBERS

    budgets.tag_resource(**ARN, ResourceTags=[{"Key": "b", "Value": "2"}])
    budgets.untag_resource(**ARN, ResourceTagKeys=["a"])
    left = budgets.list_tags_for_resource(**ARN)["ResourceTags"]
    assert left == [{"Key": "b", "Value": "2"}]

    other = {**NAMES, "Notification": {**NOTIFICATION, "Threshold": 90.0}}
    check_refusals(
        budgets,
        [
            (
                "create_notification",
                {**asked, "Subscribers": SUBSCRIBERS},
                "DuplicateRecordException",
                "already exists",
            ),
            ("delete_notification", other, "NotFoundException", "doesn't exist"),
            ("describe_subscribers_for_notification", other, "NotFoundException", "doesn't exist"),
            (
                "update_budget",
                {"AccountId": ACCOUNT, "NewBudget": budget("2", "none")},
                "NotFoundException",
                "none",
            ),
        ],
    )
    budgets.delete_notification(**asked)
    assert budgets.describe_notifications_for_budget(**NAMES)["Notifications"] == []
    budgets.delete_budget(**NAMES)
