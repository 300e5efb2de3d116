"""What the EKS modules share: looking, waiting, tagging, and refusing what EKS cannot change."""

from __future__ import annotations

from collections.abc import Callable

from ...changes import differences
from ..core import (
    Aws,
    AwsError,
    AwsTimeoutError,
    Fields,
    tag_changes,
)


def describe_cluster(aws: Aws, name: str) -> Fields | None:
    """Return the cluster, or None where there is none."""
    return look_up(aws, "describe_cluster", "cluster", name=name)


def look_up(aws: Aws, method: str, key: str, **names: str) -> Fields | None:
    """Return what EKS describes under a key, or None where it or its cluster does not exist."""
    eks = aws.client("eks")
    try:
        return getattr(eks, method)(**names)[key]
    except eks.exceptions.ResourceNotFoundException:
        return None


def wait_for_cluster(aws: Aws, name: str) -> Fields:
    """Return the cluster once it is active.

    Raises:
        AwsError: it failed, is being deleted, or does not become active in time.
    """
    return wait_for(
        aws,
        f"cluster {name}",
        lambda: describe_cluster(aws, name),
        {"ACTIVE"},
        lambda cluster: cluster["status"] in ("CREATING", "UPDATING", "PENDING"),
    )


def wait_for(
    aws: Aws,
    what: str,
    find: Callable[[], Fields | None],
    ready: set[str],
    hopeful: Callable[[Fields], bool],
) -> Fields:
    """Return a resource once its status is one of ``ready``, looking on while it is ``hopeful``.

    Raises:
        AwsError: there is no hope or no time left; what EKS reports on it is in the message.
    """
    latest: Fields | None = None

    def settled() -> Fields | None:
        nonlocal latest
        latest = find()
        if latest and latest["status"] in ready:
            return latest
        if latest and hopeful(latest):
            return None
        raise unhealthy(what, latest)

    try:
        return aws.until(settled, f"{what} active")
    except AwsTimeoutError as late:
        reason = unhealthy(what, latest)
        raise AwsError(f"{late}; {reason}", **reason.details) from late


def issues_of(resource: Fields | None) -> list[Fields]:
    """Return the health issues that EKS reports on a resource."""
    return (resource or {}).get("health", {}).get("issues", [])


def unhealthy(what: str, resource: Fields | None) -> AwsError:
    """Return an error that says what EKS reports on a resource."""
    issues = issues_of(resource)
    reasons = "; ".join(f"{issue['code']}: {issue['message']}" for issue in issues)
    status = resource["status"] if resource else "absent"
    return AwsError(f"{what} is {status}: {reasons or 'no reason given'}", issues=issues)


def wait_for_update(aws: Aws, update: Fields, **target: str) -> None:
    """Wait until an update of ``target`` (name, and nodegroupName for a node group) is done.

    Raises:
        AwsError: the update failed or was cancelled; its errors are in the message.
    """
    eks = aws.client("eks")

    def done() -> bool | None:
        state = eks.describe_update(updateId=update["id"], **target)["update"]
        if state["status"] == "InProgress":
            return None
        if state["status"] == "Successful":
            return True
        errors = "; ".join(error["errorMessage"] for error in state.get("errors", []))
        raise AwsError(f"{state['type']} of {target} is {state['status']}: {errors}")

    aws.until(done, f"{update['type']} of {target}")


def retag(aws: Aws, arn: str, before: dict[str, str], after: dict[str, str]) -> None:
    """Bring the tags of what has this ARN from ``before`` to ``after``."""
    changed, removed = tag_changes(before, after)
    if removed:
        aws.client("eks").untag_resource(resourceArn=arn, tagKeys=removed)
    if changed:
        aws.client("eks").tag_resource(resourceArn=arn, tags=changed)


def check_fixed(what: str, before: Fields, wanted: Fields, fields: set[str], advice: str) -> None:
    """Refuse a change of fields that EKS fixes when it creates a resource.

    Raises:
        AwsError: one of them is to change.
    """
    fixed = sorted(differences(before, wanted) & fields) if before else []
    if fixed:
        lines = [f"{field}: {before[field]} to {wanted[field]}" for field in fixed]
        raise AwsError(f"{what}: EKS cannot change {', '.join(lines)}; {advice}")


def check_role(current: str, wanted: str) -> None:
    """Refuse another role than the one that the cluster or node group was made with.

    Raises:
        AwsError: EKS cannot change a role.
    """
    if wanted not in (current, current.rpartition("/")[2]):
        raise AwsError(f"role: EKS cannot change {current} to {wanted}")
