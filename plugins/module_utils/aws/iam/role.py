"""IAM roles that the options of a module name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..core import Aws, AwsError

Answer = TypeVar("Answer")

# Seconds until all services know a new role or a changed trust policy, with some to spare.
PROPAGATION = 60
RETRY_INTERVAL = 5


def role_arn(aws: Aws, role: str, option: str = "role") -> str:
    """Return the ARN of a role that an option gives by ARN or by name.

    Raises:
        AwsError: there is no role of this name.
    """
    if role.startswith("arn:"):
        return role
    iam = aws.client("iam")
    try:
        return iam.get_role(RoleName=role)["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException as error:
        raise AwsError(f"{option}: there is no IAM role named {role}") from error


def same_role(current: str | None, role: str | None) -> str | None:
    """Return a role as it is given, or the current ARN where both mean the same role."""
    return current if current and role == current.rpartition("/")[2] else role


def once_iam_agrees(aws: Aws, call: Callable[[], Answer], *refusals: str) -> Answer:
    """Return the answer to a call that names a role, which may be too new for AWS to know it.

    Raises:
        ClientError: AWS refuses it with another message than these, or still after a minute.
    """
    from botocore.exceptions import ClientError

    deadline = aws.clock() + PROPAGATION
    while True:
        try:
            return call()
        except ClientError as error:
            if aws.clock() >= deadline or not any(text in str(error) for text in refusals):
                raise
            aws.sleep(RETRY_INTERVAL)
