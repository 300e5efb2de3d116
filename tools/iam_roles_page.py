"""The page docs/iam-roles.md: each IAM role of the platform, made from the role aws_identity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.mlops.gpu_platform.tools.role_variables import role_variable

INTRODUCTION = """\
# IAM roles of the platform

This page is generated from the variables of the role `aws_identity`: `make docs`. It shows the
platform `mlops` in account `123456789012` and region `eu-west-1`; the names and ARNs of yours
follow from `platform_name`, `platform_account_id` and `platform_region`.

The role keeps all of these with one task and two calls to look. A role has exactly what is
written here: policies that were added by hand are removed on the next run. A role of the same
name without the tag `Platform` of this platform is refused and left alone. `"*"` as resource is
there only for actions that know no resource, and the statement says so. The tests lint every
policy with `parliament`, and hold the operator's against the requests of a full run.

With `aws_identity_permissions_boundary` every role is bounded by that managed policy, and the
operator may write policies only for roles that it bounds. Without it, an operator can give a role
of the platform more than he has.
"""
# Roles that are not always there, by the last part of their names, and what makes them.
MADE_WHEN = {
    "operator": "`aws_identity_operator_principals` names somebody",
    "github": "`aws_identity_github_repository` names a repository",
    "load-balancer-controller": "`aws_identity_load_balancer_controller` is true",
    "cluster-autoscaler": "`aws_identity_autoscaler` is not `none`",
    "ebs-csi": "`aws_identity_ebs_csi` is true",
}
ALL = {
    "aws_identity_operator_principals": ["arn:aws:iam::123456789012:role/platform-team"],
    "aws_identity_github_repository": "owner/name",
    "aws_identity_load_balancer_controller": True,
    "aws_identity_ebs_csi": True,
}


def iam_roles_page() -> str:
    """Return the text of the page."""
    roles = role_variable("aws_identity", "_aws_identity_roles", **ALL)
    karpenter = role_variable("aws_identity", "_aws_identity_karpenter", **ALL)
    sections = [section(role) for role in roles]
    sections.append(
        "## Karpenter instead of Cluster Autoscaler\n\n"
        "With `aws_identity_autoscaler: karpenter` the role of the autoscaler has this policy.\n\n"
        + table(karpenter)
    )
    return "\n".join([INTRODUCTION, *sections])


def section(role: Mapping[str, Any]) -> str:
    """Return what the page says of a role."""
    part = role["name"].partition("-")[2]
    parts = [f"## {role['name']}\n", f"{role['description']}.\n"]
    if part in MADE_WHEN:
        parts.append(f"Made when {MADE_WHEN[part]}.\n")
    parts.append("Who may take it on:\n")
    parts += [trusted(statement) for statement in role["assume_role_policy"]["Statement"]]
    if policies := role.get("managed_policies"):
        parts.append("\nManaged policies of AWS:\n")
        parts += [f"- `{policy}`" for policy in policies]
    for name, policy in role.get("inline_policies", {}).items():
        parts.append(f"\nPolicy `{name}`:\n\n{table(policy).rstrip()}")
    return "\n".join(parts) + "\n"


def trusted(statement: Mapping[str, Any]) -> str:
    """Return who a statement of a trust policy names, and on which conditions."""
    ((_, principals),) = statement["Principal"].items()
    names = " or ".join(f"`{name}`" for name in listed(principals))
    conditions = condition_of(statement)
    return f"- {words(statement['Sid'])}: {names}" + (f", if {conditions}" if conditions else "")


def table(policy: Mapping[str, Any]) -> str:
    """Return the statements of a policy as a table: what for, which actions, on what."""
    rows = ["| What for | Actions | Resources | If |", "|---|---|---|---|"]
    for statement in policy["Statement"]:
        cells = (
            words(statement["Sid"]),
            "<br>".join(f"`{action}`" for action in listed(statement["Action"])),
            "<br>".join(f"`{resource}`" for resource in listed(statement["Resource"])),
            condition_of(statement, "<br>"),
        )
        rows.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(rows) + "\n"


def condition_of(statement: Mapping[str, Any], joint: str = " and ") -> str:
    """Return the conditions of a statement in words."""
    return joint.join(
        f"`{key}` {'is like' if 'Like' in operator else 'is'} "
        + " or ".join(f"`{value}`" for value in listed(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def words(sid: str) -> str:
    """Return the words of a statement's id, such as `Push to the repository`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", sid).capitalize()


def listed(value: Any) -> list[str]:
    """Return the values of what may be one value or a list."""
    return value if isinstance(value, list) else [value]
