"""AWS Budgets: a monthly limit on costs, and who hears of it."""

from __future__ import annotations

import re
from decimal import Decimal

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .budget_notifications import (
    check_notifications,
    notification_request,
    notification_view,
    sorted_notifications,
    subscribers_request,
    wanted_notification,
)
from .core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    listed,
    tag_changes,
    tags_after,
)

NAME = re.compile(r"[^:\\]{1,100}")
MONTHLY_COST = {"BudgetType": "COST", "TimeUnit": "MONTHLY"}
# What DescribeBudget tells beside the settings that UpdateBudget takes.
NO_SETTINGS = {"CalculatedSpend", "LastUpdatedTime"}


def ensure_budget(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a budget.

    Raises:
        AwsError: an option has a value that AWS Budgets would refuse.
    """
    check_options(params)
    return converge(Budget(aws, params))


def check_options(params: Fields) -> None:
    """Refuse what AWS Budgets would refuse.

    Raises:
        AwsError: an option has a value that it cannot have; the message names both.
    """
    name, account, limit = params["name"], params["account_id"], params["limit"]
    if not NAME.fullmatch(name):
        raise AwsError(f"name is {name!r}; it must be 1 to 100 characters without ':' and '\\'")
    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise AwsError(f"account_id is {account!r}; it must be 12 digits, in quotes")
    if limit is not None and limit <= 0:
        raise AwsError(f"limit is {limit:g}; it must be more than 0 US dollars")
    for dimension, values in (params["cost_filters"] or {}).items():
        if not (isinstance(values, list) and values):
            raise AwsError(
                f"cost_filters has {dimension}: {values!r}; it must be a list of values, such as "
                "TagKeyValue: ['user:Platform$mlops']"
            )
    check_notifications(params["notifications"] or [])


def sorted_filters(filters: Fields) -> Fields:
    """Return filters with their values in a fixed order."""
    return {dimension: sorted(map(str, values)) for dimension, values in filters.items()}


def settings(current: Fields, wanted: Fields) -> Fields:
    """Return all settings of the budget: an update resets those that it does not name."""
    kept = {key: value for key, value in current.items() if key not in NO_SETTINGS}
    return {
        **kept,
        "BudgetLimit": limit_request(wanted["limit"]),
        **given(CostFilters=wanted.get("cost_filters")),
    }


def limit_request(limit: float) -> Fields:
    """Return a limit as the API takes it."""
    return {"Amount": f"{Decimal(str(limit)):f}", "Unit": "USD"}


class Budget(Resource):
    """A budget of an account, with its notifications."""

    kind = "budget"
    type = "AWS::Budgets::Budget"

    def names(self) -> Fields:
        """Return the name."""
        return {"budget_name": self.params["name"]}

    def account(self) -> str:
        """Return the account of the budget; the caller's own unless an option names it."""
        if self.params["account_id"] is None:
            identity = self.aws.client("sts").get_caller_identity()
            self.params = {**self.params, "account_id": identity["Account"]}
        return str(self.params["account_id"])

    def request(self) -> dict[str, str]:
        """Return account and name under the names of the API."""
        return {"AccountId": self.account(), "BudgetName": self.params["name"]}

    def arn(self) -> str:
        """Return the ARN of the budget."""
        partition = self.aws.client("budgets").meta.partition
        return f"arn:{partition}:budgets::{self.account()}:budget/{self.params['name']}"

    def find(self) -> Fields | None:
        """Return the budget.

        Raises:
            AwsError: it is not a monthly budget of costs, and so of somebody else.
        """
        budgets = self.aws.client("budgets")
        try:
            budget = budgets.describe_budget(**self.request())["Budget"]
        except budgets.exceptions.NotFoundException:
            return None
        if not MONTHLY_COST.items() <= budget.items():
            raise AwsError(
                f"budget {self.params['name']} is a {budget['TimeUnit']} budget of type "
                f"{budget['BudgetType']}; it must be a MONTHLY one of type COST: take another name"
            )
        return budget

    def view(self, current: Fields) -> Fields:
        """Return the managed fields; notifications and tags cost calls, so only if managed."""
        limit = current.get("BudgetLimit", {})
        view: Fields = {
            "limit": float(limit["Amount"]) if limit.get("Unit") == "USD" else None,
            "cost_filters": sorted_filters(current.get("CostFilters", {})),
        }
        if self.params["notifications"] is not None:
            view["notifications"] = self.notifications()
        if self.params["tags"] is not None:
            tags = self.aws.client("budgets").list_tags_for_resource(ResourceARN=self.arn())
            view["tags"] = boto3_tag_list_to_ansible_dict(tags.get("ResourceTags", []))
        return view

    def notifications(self) -> list[Fields]:
        """Return the notifications of the budget."""
        budgets, budget = self.aws.client("budgets"), self.request()
        method, key = "describe_notifications_for_budget", "Notifications"
        found = []
        for notification in listed(budgets, method, key, **budget):
            identity = {
                key: notification[key] for key in notification if key != "NotificationState"
            }
            subscribers = listed(
                budgets,
                "describe_subscribers_for_notification",
                "Subscribers",
                **budget,
                Notification=identity,
            )
            found.append(notification_view(notification, subscribers))
        return sorted_notifications(found)

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        entries, filters = self.params["notifications"], self.params["cost_filters"]
        return given(
            limit=self.params["limit"],
            cost_filters=None if filters is None else sorted_filters(filters),
            notifications=None
            if entries is None
            else sorted_notifications([wanted_notification(entry) for entry in entries]),
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the budget with all that belongs to it."""
        budget = settings({**MONTHLY_COST, "BudgetName": self.params["name"]}, wanted)
        notifications = [
            {"Notification": notification_request(entry), "Subscribers": subscribers_request(entry)}
            for entry in wanted.get("notifications", [])
        ]
        tags = ansible_dict_to_boto3_tag_list(wanted.get("tags", {}))
        request = {"NotificationsWithSubscribers": notifications, "ResourceTags": tags}
        self.aws.client("budgets").create_budget(
            AccountId=self.account(),
            Budget=budget,
            **{key: value for key, value in request.items() if value},
        )
        return budget

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send the settings, each changed notification and the tags."""
        budgets = self.aws.client("budgets")
        if changed & {"limit", "cost_filters"}:
            current = settings(current, wanted)
            budgets.update_budget(AccountId=self.account(), NewBudget=current)
        if "notifications" in changed:
            self.replace(before["notifications"], wanted["notifications"])
        tags, removed = tag_changes(before.get("tags", {}), wanted.get("tags", {}))
        if removed:
            budgets.untag_resource(ResourceARN=self.arn(), ResourceTagKeys=removed)
        if tags:
            tag_list = ansible_dict_to_boto3_tag_list(tags)
            budgets.tag_resource(ResourceARN=self.arn(), ResourceTags=tag_list)
        return current

    def replace(self, before: list[Fields], after: list[Fields]) -> None:
        """Delete and create notifications; one whose subscribers change is made anew.

        So no notification has no subscriber or two topics on the way, which AWS refuses.
        """
        budgets, budget = self.aws.client("budgets"), self.request()
        for entry in before:
            if entry not in after:
                budgets.delete_notification(**budget, Notification=notification_request(entry))
        for entry in after:
            if entry not in before:
                budgets.create_notification(
                    **budget,
                    Notification=notification_request(entry),
                    Subscribers=subscribers_request(entry),
                )

    def delete(self, current: Fields) -> None:
        """Delete the budget with its notifications."""
        self.aws.client("budgets").delete_budget(**self.request())
