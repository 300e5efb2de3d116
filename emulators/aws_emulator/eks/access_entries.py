"""Access entries of the emulated EKS and their access policies, which moto does not have."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.eks.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
)
from moto.sts.models import sts_backends

from .call import EKSCall

PATHS = (
    "{0}/clusters/(?P<name>[^/]+)/access-entries$",
    "{0}/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>.+)$",
)
ENTRY_TYPES = {"STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX"}
ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"
POLICIES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    ADMIN_POLICY,
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
)


class AccessEntryCalls(EKSCall):
    """The calls for access entries, which are kept with their cluster."""

    def entries(self) -> dict[str, Any]:
        """Return the entries of the cluster by principal; its mode must be one with entries."""
        cluster = self.named_cluster()
        if cluster.access_config["authenticationMode"] == "CONFIG_MAP":
            raise InvalidRequestException(
                message="The cluster's authentication mode must be set to one of "
                "[API, API_AND_CONFIG_MAP] to perform this operation."
            )
        entries: dict[str, Any] = cluster.access_entries
        return entries

    def named_entry(self) -> Any:
        """Return the entry of the principal that the path names."""
        principal = self._get_param("principalArn")
        message = f"The specified principalArn could not be found: {principal}"
        return self.found(self.entries(), principal, message)

    def policy_arns(self) -> set[str]:
        """Return the ARNs of the access policies."""
        prefix = f"arn:{self.partition}:eks::aws:cluster-access-policy"
        return {f"{prefix}/{name}" for name in POLICIES}

    def check_principal(self, arn: str) -> None:
        """Refuse a principal that is no role and no user of the account."""
        roles = (role.arn for role in self.iam.get_roles())
        users = (user.arn for user in self.iam.users.values())
        if arn not in {*roles, *users}:
            raise InvalidParameterException(
                message="The specified principalArn is invalid: invalid principal."
            )

    @staticmethod
    def check_groups(groups: list[str], kind: str) -> None:
        """Refuse the groups of Kubernetes itself, and groups of nodes."""
        if groups and kind != "STANDARD":
            raise InvalidParameterException(
                message=f"Access entry type {kind} does not support kubernetes groups."
            )
        for group in groups:
            if group.startswith("system:"):
                raise InvalidParameterException(
                    message=f"The kubernetes group name {group} is invalid, it cannot start with "
                    "system:"
                )

    def create_access_entry(self) -> ActionResult:
        """Create the entry of an existing principal."""
        entries, principal = self.entries(), self._get_param("principalArn")
        kind = self._get_param("type") or "STANDARD"
        groups = self._get_param("kubernetesGroups") or []
        if principal in entries:
            raise ResourceInUseException(
                message="The specified access entry resource is already in use on this cluster."
            )
        if kind not in ENTRY_TYPES:
            raise InvalidParameterException(message=f"The type {kind} is invalid.")
        self.check_principal(principal)
        self.check_groups(groups, kind)
        entry = self.add_entry(self.named_cluster(), principal, kind, groups)
        entry["tags"] = self._get_param("tags") or {}
        return ActionResult({"accessEntry": entry})

    def add_entry(
        self, cluster: Any, principal: str, kind: str, groups: list[str]
    ) -> dict[str, Any]:
        """Add an entry to those of a cluster."""
        owner, name = principal.split(":")[5].split("/", 1)
        now = utcnow()
        entry = {
            "clusterName": cluster.name,
            "principalArn": principal,
            "kubernetesGroups": groups,
            "accessEntryArn": self.arn_of(
                "access-entry", cluster.name, owner, self.current_account, name, self.new_id()
            ),
            "createdAt": now,
            "modifiedAt": now,
            "tags": {},
            "username": principal,
            "type": kind,
            "policies": {},
        }
        cluster.access_entries[principal] = entry
        return entry

    def let_creator_in(self, cluster: Any) -> None:
        """Make the caller an administrator of a new cluster, unless told not to."""
        access = cluster.access_config
        if access["authenticationMode"] == "CONFIG_MAP":
            return
        if access["bootstrapClusterCreatorAdminPermissions"]:
            entry = self.add_entry(cluster, self.caller(), "STANDARD", [])
            arn = f"arn:{self.partition}:eks::aws:cluster-access-policy/{ADMIN_POLICY}"
            entry["policies"][arn] = self.association(arn, {"type": "cluster", "namespaces": []})

    def caller(self) -> str:
        """Return the ARN of the user or role that signed the request."""
        sts = sts_backends[self.current_account][self.partition]
        _, arn, _ = sts.get_caller_identity(self.access_key, self.region)
        if ":assumed-role/" in arn:
            return str(self.iam.get_role(arn.split("/")[1]).arn)
        # A key of nobody is that of a user that moto makes up.
        return str(arn).replace(":sts:", ":iam:")

    def let_nodes_in(self, cluster: Any, role: str) -> None:
        """Let the nodes of a role join a cluster."""
        entries = cluster.access_entries
        if cluster.access_config["authenticationMode"] != "CONFIG_MAP" and role not in entries:
            entry = self.add_entry(cluster, role, "EC2_LINUX", ["system:nodes"])
            entry["username"] = "system:node:{{EC2PrivateDNSName}}"

    def list_access_entries(self) -> ActionResult:
        """Return the principals with an entry."""
        return self.page("accessEntries", list(self.entries()))

    def describe_access_entry(self) -> ActionResult:
        """Return an entry."""
        return ActionResult({"accessEntry": self.named_entry()})

    def update_access_entry(self) -> ActionResult:
        """Change the groups of an entry."""
        entry = self.named_entry()
        groups = self._get_param("kubernetesGroups")
        if groups is not None:
            self.check_groups(groups, entry["type"])
            entry["kubernetesGroups"] = groups
        entry["modifiedAt"] = utcnow()
        return ActionResult({"accessEntry": entry})

    def delete_access_entry(self) -> ActionResult:
        """Delete an entry with its associations."""
        del self.entries()[self.named_entry()["principalArn"]]
        return EmptyResult()

    def associate_access_policy(self) -> ActionResult:
        """Associate a policy with an entry, or change the scope of one that is associated."""
        entry, arn = self.named_entry(), self._get_param("policyArn")
        scope = {"namespaces": [], **self._get_param("accessScope")}
        if arn not in self.policy_arns():
            raise InvalidParameterException(message="The specified policyArn is invalid.")
        if (scope["type"] == "namespace") != bool(scope["namespaces"]):
            raise InvalidParameterException(
                message="Namespaces are required with the access scope type namespace, and only "
                "with it."
            )
        policy = self.association(arn, scope)
        policy["associatedAt"] = entry["policies"].get(arn, policy)["associatedAt"]
        entry["policies"][arn] = policy
        return ActionResult({**self.names_of(entry), "associatedAccessPolicy": policy})

    @staticmethod
    def association(arn: str, scope: dict[str, Any]) -> dict[str, Any]:
        """Return the association of a policy that is made now."""
        now = utcnow()
        return {"policyArn": arn, "accessScope": scope, "associatedAt": now, "modifiedAt": now}

    def list_associated_access_policies(self) -> ActionResult:
        """Return the policies of an entry."""
        entry = self.named_entry()
        policies = list(entry["policies"].values())
        return ActionResult({**self.names_of(entry), "associatedAccessPolicies": policies})

    def disassociate_access_policy(self) -> ActionResult:
        """Take a policy away from an entry."""
        policies, arn = self.named_entry()["policies"], self._get_param("policyArn")
        self.found(policies, arn, f"The specified policyArn is not associated: {arn}")
        del policies[arn]
        return EmptyResult()

    @staticmethod
    def names_of(entry: dict[str, Any]) -> dict[str, Any]:
        """Return what names an entry."""
        return {key: entry[key] for key in ("clusterName", "principalArn")}
