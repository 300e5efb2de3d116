"""Corrections to moto's AWS Budgets: changes, subscribers and tags, which it does not have."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets import responses, urls
from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
from moto.budgets.models import Budget, Notification
from moto.core.utils import unix_time


class BudgetsResponse(responses.BudgetsResponse):
    """moto's AWS Budgets with budgets that can be changed."""

    def named_budget(self) -> Any:
        """Return the budget that the request names."""
        if arn := self._get_param("ResourceARN"):
            account, name = arn.split(":")[4], arn.partition(":budget/")[2]
        else:
            account = self._get_param("AccountId")
            name = self._get_param("BudgetName") or self._get_param("NewBudget")["BudgetName"]
        budgets: dict[str, Budget] = self.backend.budgets[account]
        if name not in budgets:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budgets[name]

    def named_notification(self) -> Notification:
        """Return the notification of a budget that the request names; its state is no name."""
        asked = self._get_param("Notification")
        for notification in self.named_budget().notifications:
            details = {"ThresholdType": "PERCENTAGE", **notification.details}
            if {"ThresholdType": "PERCENTAGE", **asked}.items() <= details.items():
                return notification
        raise NotFoundException("Unable to get notification - the notification doesn't exist.")

    def create_budget(self) -> str:
        """Keep the tags."""
        answer = super().create_budget()
        budgets: dict[str, Any] = self.backend.budgets[self._get_param("AccountId")]
        budgets[self._get_param("Budget")["BudgetName"]].tags = {
            tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags", [])
        }
        return answer

    def update_budget(self) -> str:
        """Replace the settings of a budget."""
        budget = self.named_budget()
        kept = {"TimePeriod": budget.budget["TimePeriod"]}
        budget.budget = {**kept, **self._get_param("NewBudget"), "LastUpdatedTime": unix_time()}
        return "{}"

    def create_notification(self) -> str:
        """Refuse a notification that is there already."""
        try:
            self.named_notification()
        except NotFoundException:
            return super().create_notification()
        raise DuplicateRecordException("notification", self._get_param("BudgetName"))

    def delete_notification(self) -> str:
        """Refuse a notification that is not there."""
        self.named_budget().notifications.remove(self.named_notification())
        return "{}"

    def describe_subscribers_for_notification(self) -> str:
        """Return the subscribers of a notification."""
        return json.dumps({"Subscribers": self.named_notification().subscribers})

    def list_tags_for_resource(self) -> str:
        """Return the tags of a budget."""
        tags = self.named_budget().tags
        return json.dumps(
            {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        )

    def tag_resource(self) -> str:
        """Set tags of a budget."""
        added = {tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")}
        self.named_budget().tags.update(added)
        return "{}"

    def untag_resource(self) -> str:
        """Remove tags of a budget."""
        tags = self.named_budget().tags
        for key in self._get_param("ResourceTagKeys"):
            tags.pop(key, None)
        return "{}"


def extend() -> None:
    """Route every request for budgets to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = BudgetsResponse.dispatch
