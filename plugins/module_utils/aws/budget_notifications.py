"""The notifications of a budget: at which percentages of the limit who hears of it."""

from __future__ import annotations

import re

from .core import AwsError, Fields

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?")
# What AWS Budgets takes per budget, and per notification.
MOST_NOTIFICATIONS, MOST_EMAILS, MOST_TOPICS = 10, 10, 1


def check_notifications(notifications: list[Fields]) -> None:
    """Refuse notifications that AWS Budgets would refuse.

    Raises:
        AwsError: there are too many, two are the same, or one has a value that it cannot have.
    """
    if len(notifications) > MOST_NOTIFICATIONS:
        raise AwsError(
            f"notifications has {len(notifications)} entries; a budget has at most "
            f"{MOST_NOTIFICATIONS}"
        )
    seen = set()
    for entry in notifications:
        title = f"{entry['type']} {entry['threshold']:g} %"
        if title in seen:
            raise AwsError(f"notifications has {title} more than once; list its subscribers in one")
        seen.add(title)
        if entry["threshold"] <= 0:
            raise AwsError(f"notifications has {title}; the threshold must be more than 0")
        check_subscribers(title, entry["subscribers"])


def check_subscribers(title: str, subscribers: list[str]) -> None:
    """Refuse the subscribers of a notification that AWS Budgets would refuse.

    Raises:
        AwsError: one is neither an e-mail address nor a topic, or there are none or too many.
    """
    for address in subscribers:
        if not (EMAIL.fullmatch(address) or TOPIC.fullmatch(address)):
            raise AwsError(
                f"notifications {title} has the subscriber {address!r}; it must be an e-mail "
                "address or the ARN of an SNS topic"
            )
    topics = sum(address.startswith("arn:") for address in subscribers)
    emails = len(subscribers) - topics
    if not subscribers or topics > MOST_TOPICS or emails > MOST_EMAILS:
        raise AwsError(
            f"notifications {title} has {emails} e-mail addresses and {topics} topics; it must "
            f"have at least one subscriber, at most {MOST_EMAILS} e-mail addresses and "
            f"{MOST_TOPICS} topic"
        )


def sorted_notifications(notifications: list[Fields]) -> list[Fields]:
    """Return notifications in a fixed order."""
    return sorted(notifications, key=lambda entry: (entry["type"], entry["threshold"]))


def notification_view(notification: Fields, subscribers: list[Fields]) -> Fields:
    """Return a described notification under the names of the option, and what else it may be."""
    return {
        "type": notification["NotificationType"],
        "comparison": notification["ComparisonOperator"],
        "threshold": float(notification["Threshold"]),
        "threshold_type": notification.get("ThresholdType", "PERCENTAGE"),
        "subscribers": sorted(subscriber["Address"] for subscriber in subscribers),
    }


def wanted_notification(entry: Fields) -> Fields:
    """Return a notification of the option, comparable with a described one."""
    return {
        "type": entry["type"],
        "comparison": "GREATER_THAN",
        "threshold": float(entry["threshold"]),
        "threshold_type": "PERCENTAGE",
        "subscribers": sorted(set(entry["subscribers"])),
    }


def notification_request(notification: Fields) -> Fields:
    """Return a notification as the API takes it."""
    return {
        "NotificationType": notification["type"],
        "ComparisonOperator": notification["comparison"],
        "Threshold": notification["threshold"],
        "ThresholdType": notification["threshold_type"],
    }


def subscribers_request(notification: Fields) -> list[Fields]:
    """Return the subscribers of a notification as the API takes them."""
    return [
        {"SubscriptionType": "SNS" if address.startswith("arn:") else "EMAIL", "Address": address}
        for address in notification["subscribers"]
    ]
