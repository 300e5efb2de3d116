"""EKS access entries: who may use a cluster, and with which access policies."""

from __future__ import annotations

import re

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    listed,
    report_all,
    sorted_or_none,
    tags_after,
)
from ..iam.role import (
    once_iam_agrees,
    role_arn,
)
from .common import (
    check_fixed,
    look_up,
    retag,
)

ENTRY_TYPES = ["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX"]
PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+|[\w+=,.@-]{1,64}")
# The scope of a policy that is not bound to namespaces.
CLUSTER_SCOPE = "cluster"
# What EKS answers until it knows a new principal.
UNKNOWN_PRINCIPAL = "invalid principal"


def ensure_access_entries(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete an access entry, or several.

    Raises:
        AwsError: the options contradict each other, or ask for what an update cannot reach.
    """
    if params["entries"] is None:
        check_options(params)
        return converge(AccessEntry(aws, params))
    entries = [{**params, **given(**each)} for each in params["entries"]]
    for entry in entries:
        check_options(entry)
    results = {entry["principal"]: converge(AccessEntry(aws, entry)) for entry in entries}
    return report_all("access_entries", "access_entry", results)


def check_options(params: Fields) -> None:
    """Refuse what EKS would refuse.

    Raises:
        AwsError: an option has a value that it cannot have; the message names both.
    """
    principal, kind = params["principal"], params["type"]
    if not PRINCIPAL.fullmatch(principal):
        raise AwsError(
            f"principal is {principal!r}; it must be the name of an IAM role, "
            "or the ARN of an IAM role or user"
        )
    groups = params["kubernetes_groups"] or []
    if groups and kind != "STANDARD":
        raise AwsError(f"kubernetes_groups is {groups}; with type {kind} it must be empty")
    for group in groups:
        if group.startswith("system:"):
            raise AwsError(
                f"kubernetes_groups has {group!r}; a group must not start with 'system:', "
                "and access_policies give what these groups may"
            )
    names = [policy_name(entry["policy"]) for entry in params["access_policies"] or []]
    for entry, name in zip(params["access_policies"] or [], names, strict=True):
        if names.count(name) > 1:
            raise AwsError(f"access_policies has {name} more than once; list its namespaces in one")
        if entry["namespaces"] == []:
            raise AwsError(
                f"access_policies has {name} with no namespaces; name at least one, "
                "or leave namespaces out for the whole cluster"
            )


def policy_name(policy: str) -> str:
    """Return the name of an access policy that is given by name or by ARN."""
    return policy.rpartition("/")[2]


def policy_arn(name: str, principal: str) -> str:
    """Return the ARN of an access policy in the partition of a principal."""
    return f"arn:{principal.split(':')[1]}:eks::aws:cluster-access-policy/{name}"


def scope_of(namespaces: list[str] | None) -> str | list[str]:
    """Return the scope of a policy in one form: ``cluster``, or namespaces in a fixed order."""
    return sorted(namespaces) if namespaces else CLUSTER_SCOPE


def scope_request(scope: str | list[str]) -> Fields:
    """Return a scope as the EKS API takes it."""
    if scope == CLUSTER_SCOPE:
        return {"type": "cluster"}
    return {"type": "namespace", "namespaces": scope}


class AccessEntry(Resource):
    """An access entry with the policies that are associated with it."""

    kind = "access_entry"
    type = "AWS::EKS::AccessEntry"

    def names(self) -> Fields:
        """Return cluster and principal."""
        return {
            "cluster_name": self.params["cluster_name"],
            "principal_arn": self.params["principal"],
        }

    def find(self) -> Fields | None:
        """Return the entry and its policies; a cluster without access entries has none."""
        eks = self.aws.client("eks")
        try:
            principal = self.principal_with_entry()
            return self.describe(principal) if principal else None
        except eks.exceptions.InvalidRequestException as error:
            # The API of a cluster in mode CONFIG_MAP; check mode may have planned to change it.
            planned = self.aws.check_mode or self.params["state"] == "absent"
            if planned and "authentication mode" in str(error):
                return None
            raise

    def principal_with_entry(self) -> str | None:
        """Return the ARN of the principal; a role that is given by name must have an entry.

        So an entry is found by name in check mode before its role exists, and after its deletion.
        """
        principal: str = self.params["principal"]
        if principal.startswith("arn:"):
            return principal
        eks, cluster = self.aws.client("eks"), self.params["cluster_name"]
        try:
            entries = listed(eks, "list_access_entries", "accessEntries", clusterName=cluster)
        except eks.exceptions.ResourceNotFoundException:
            return None
        named = (arn for arn in entries if ":role/" in arn and arn.endswith(f"/{principal}"))
        return next(named, None)

    def describe(self, principal: str) -> Fields | None:
        """Return the entry of a principal with its policies."""
        key = {"clusterName": self.params["cluster_name"], "principalArn": principal}
        entry = look_up(self.aws, "describe_access_entry", "accessEntry", **key)
        if entry is None:
            return None
        policies = listed(
            self.aws.client("eks"),
            "list_associated_access_policies",
            "associatedAccessPolicies",
            **key,
        )
        return {**entry, "accessPolicies": policies}

    def view(self, current: Fields) -> Fields:
        """Return groups, type, policies by name with their scopes, and tags."""
        return {
            "type": current["type"],
            "kubernetes_groups": sorted(current.get("kubernetesGroups", [])),
            "access_policies": {
                policy_name(policy["policyArn"]): scope_of(policy["accessScope"].get("namespaces"))
                for policy in current["accessPolicies"]
            },
            "tags": current.get("tags", {}),
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set; the type of an entry is fixed."""
        entries = self.params["access_policies"]
        scopes = {
            policy_name(each["policy"]): scope_of(each["namespaces"]) for each in entries or []
        }
        wanted = given(
            type=self.params["type"],
            kubernetes_groups=sorted_or_none(self.params["kubernetes_groups"]),
            access_policies=None if entries is None else scopes,
            tags=tags_after(view.get("tags", {}), self.params),
        )
        what = f"access entry of {self.params['principal']}"
        check_fixed(what, view, wanted, {"type"}, "delete the entry first")
        return wanted

    def create(self, wanted: Fields) -> Fields:
        """Create the entry, then associate its policies."""
        eks = self.aws.client("eks")
        request = given(
            clusterName=self.params["cluster_name"],
            principalArn=role_arn(self.aws, self.params["principal"], "principal"),
            type=wanted["type"],
            kubernetesGroups=wanted.get("kubernetes_groups"),
            tags=wanted.get("tags"),
        )
        entry = once_iam_agrees(
            self.aws, lambda: eks.create_access_entry(**request), UNKNOWN_PRINCIPAL
        )["accessEntry"]
        self.associate(request["principalArn"], {}, wanted.get("access_policies", {}))
        return self.describe(request["principalArn"]) or entry

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send one call for the groups, one per changed policy, and those for the tags."""
        principal = current["principalArn"]
        if "kubernetes_groups" in changed:
            self.aws.client("eks").update_access_entry(
                clusterName=self.params["cluster_name"],
                principalArn=principal,
                kubernetesGroups=wanted["kubernetes_groups"],
            )
        if "access_policies" in changed:
            self.associate(principal, before["access_policies"], wanted["access_policies"])
        retag(self.aws, current["accessEntryArn"], before.get("tags", {}), wanted.get("tags", {}))
        return self.describe(principal) or current

    def associate(self, principal: str, before: Fields, after: Fields) -> None:
        """Bring the associated policies from ``before`` to ``after``."""
        eks = self.aws.client("eks")
        entry = {"clusterName": self.params["cluster_name"], "principalArn": principal}
        for name in sorted(set(before) - set(after)):
            eks.disassociate_access_policy(**entry, policyArn=policy_arn(name, principal))
        for name, scope in after.items():
            if before.get(name) != scope:
                eks.associate_access_policy(
                    **entry,
                    policyArn=policy_arn(name, principal),
                    accessScope=scope_request(scope),
                )

    def delete(self, current: Fields) -> None:
        """Delete the entry; its associations end with it."""
        self.aws.client("eks").delete_access_entry(
            clusterName=self.params["cluster_name"], principalArn=current["principalArn"]
        )
