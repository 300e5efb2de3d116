"""Clusters of the emulated EKS: what moto drops of them, and their parts elsewhere."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.eks.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
)
from moto.eks.models import CLUSTER_EXISTS_MSG, validate_safe_to_delete
from moto.kms.models import Key, kms_backends

from .access_entries import AccessEntryCalls
from .clock import agenda
from .network import ClusterNetwork
from .versions import DEFAULT_VERSION, VERSIONS

NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
CLUSTER_SERVICE = "eks.amazonaws.com"
CREATE_ACCESS_DEFAULTS = {
    "authenticationMode": "CONFIG_MAP",
    "bootstrapClusterCreatorAdminPermissions": True,
}
LOG_TYPES = {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def logging_of(types: set[str]) -> dict[str, Any]:
    """Return the logging configuration of a cluster which writes these types and no others."""
    halves = {True: types, False: LOG_TYPES - types}
    return {
        "clusterLogging": [
            {"types": sorted(half), "enabled": enabled} for enabled, half in halves.items() if half
        ]
    }


def enabled_types(logging: dict[str, Any] | None) -> set[str]:
    """Return the log types that a logging configuration turns on."""
    setups = (logging or {}).get("clusterLogging", [])
    return {kind for setup in setups if setup["enabled"] for kind in setup["types"]}


def check_support(version: str, policy: dict[str, str]) -> None:
    """Refuse the end of extended support for a version that has only that."""
    if policy["supportType"] == "STANDARD" and VERSIONS[version].support == "EXTENDED":
        raise InvalidParameterException(
            message=f"Kubernetes version {version} is in extended support; the support type "
            "cannot be STANDARD"
        )


class ClusterCalls(AccessEntryCalls, ClusterNetwork):
    """The calls that create, list and delete clusters."""

    def create_cluster(self) -> ActionResult:
        """Check everything, then keep it all, and create what EKS creates in the VPC."""
        name, version = self._get_param("name"), self._get_param("version") or DEFAULT_VERSION
        self.check_name(name)
        if version not in VERSIONS:
            raise InvalidParameterException(message=f"unsupported Kubernetes version {version}")
        policy = {"supportType": "EXTENDED", **self._get_param("upgradePolicy", {})}
        check_support(version, policy)
        network = self.cluster_network(self._get_param("resourcesVpcConfig"))
        services = self.kubernetes_network(network["vpcId"])
        encryption = self.asked_encryption()
        if not self.trusts(self._get_param("roleArn"), CLUSTER_SERVICE):
            raise InvalidParameterException(
                message=f"Role with arn: {self._get_param('roleArn')}, could not be assumed "
                "because it does not exist or the trusted entity is not correct"
            )
        super().create_cluster()
        cluster = self.named_cluster()
        cluster.version, cluster.status = version, "CREATING"
        cluster.resources_vpc_config, cluster.kubernetes_network_config = network, services
        cluster.logging = logging_of(enabled_types(cluster.logging))
        cluster.access_config = {**CREATE_ACCESS_DEFAULTS, **self._get_param("accessConfig", {})}
        cluster.upgrade_policy, cluster.encryption_config = policy, encryption
        cluster.deletion_protection = self._get_param("deletionProtection", False)
        cluster.health = {"issues": []}
        issuer = self.new_id().replace("-", "").upper()
        cluster.identity = {
            "oidc": {"issuer": f"https://oidc.eks.{self.region}.amazonaws.com/id/{issuer}"}
        }
        cluster.updates, cluster.access_entries = {}, {}
        cluster.addons, cluster.associations = {}, {}
        self.create_security_group(cluster)
        self.create_interfaces(cluster)
        self.let_creator_in(cluster)

        def done() -> None:
            cluster.status = "ACTIVE"

        agenda.after("cluster", done)
        return ActionResult({"cluster": cluster})

    def check_name(self, name: str) -> None:
        """Refuse a name that is taken, or that no cluster can have."""
        if not NAME.fullmatch(name):
            raise InvalidParameterException(
                message="The name can contain only alphanumeric characters, hyphens and "
                "underscores. It must start with an alphanumeric character and can't be longer "
                "than 100 characters."
            )
        if name in self.eks_backend.clusters:
            raise ResourceInUseException(
                clusterName=name, message=CLUSTER_EXISTS_MSG.format(clusterName=name)
            )

    def asked_encryption(self) -> list[dict[str, Any]]:
        """Return the encryption of a request; its key, by ARN or alias, must exist in KMS."""
        return [
            {
                "resources": config["resources"],
                "provider": {"keyArn": self.key_of(config["provider"]["keyArn"]).arn},
            }
            for config in self._get_param("encryptionConfig") or []
        ]

    def key_of(self, given: str) -> Key:
        """Return a key of KMS, which must be symmetric and enabled."""
        keys: dict[str, Key] = kms_backends[self.current_account][self.region].keys
        alias = "alias/" + given.partition("alias/")[2]
        for key in keys.values():
            fit = key.key_spec == "SYMMETRIC_DEFAULT" and key.key_state == "Enabled"
            if fit and (given == key.arn or alias in key.aliases):
                return key
        raise InvalidParameterException(
            message=f"The keyArn in encryptionConfig provider {given} is invalid"
        )

    def delete_cluster(self) -> ActionResult:
        """Delete a cluster that nothing forbids to delete; all that belongs to it goes too."""
        cluster = self.named_cluster()
        validate_safe_to_delete(cluster)
        if cluster.deletion_protection:
            raise InvalidRequestException(
                message=f"Cluster {cluster.name} has deletion protection enabled; disable it to "
                "delete the cluster"
            )
        if cluster.status in ("CREATING", "UPDATING"):
            raise ResourceInUseException(
                clusterName=cluster.name,
                message=f"Cannot delete because cluster {cluster.name} currently has an update in "
                "progress",
            )

        def done() -> None:
            self.delete_interfaces(cluster)
            self.delete_security_group(cluster)
            super(ClusterCalls, self).delete_cluster()

        if cluster.status != "DELETING":
            cluster.status = "DELETING"
            agenda.after("cluster", done)
        return ActionResult({"cluster": cluster})
