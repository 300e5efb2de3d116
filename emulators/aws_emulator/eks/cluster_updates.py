"""Updates of clusters of the emulated EKS, one kind at a time."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.eks.exceptions import (
    EKSError,
    InvalidParameterException,
    InvalidRequestException,
)

from .clusters import ClusterCalls, check_support, enabled_types, logging_of
from .insights import upgrade_insights
from .versions import VERSIONS, minor_of

PATHS = ("{0}/clusters/(?P<name>[^/]+)/encryption-config/associate$",)
ENDPOINT_FIELDS = {"endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"}
# The modes of authentication; a cluster goes one step on, and never back.
MODES = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]


class InvalidStateError(EKSError):
    """What EKS answers to an upgrade that it thinks would break something."""

    TYPE = "InvalidStateException"
    STATUS = 400


class ClusterUpdateCalls(ClusterCalls):
    """The calls that update a cluster."""

    def idle_cluster(self, what: str) -> Any:
        """Return the cluster that the path names, of which nothing is in progress."""
        self.refuse_during_update(what)
        return self.active_cluster()

    def asked_change(self) -> tuple[str, Any]:
        """Return the kind of update that a request asks for, and the change: there is just one."""
        vpc = self._get_param("resourcesVpcConfig", {})
        changes = {
            "EndpointAccessUpdate": {k: v for k, v in vpc.items() if k in ENDPOINT_FIELDS},
            "VpcConfigUpdate": {k: v for k, v in vpc.items() if k not in ENDPOINT_FIELDS},
            "LoggingUpdate": self._get_param("logging", {}),
            "AccessConfigUpdate": self._get_param("accessConfig", {}),
            "UpgradePolicyUpdate": self._get_param("upgradePolicy", {}),
            "DeletionProtectionUpdate": {
                key: self._get_param(key)
                for key in ("deletionProtection",)
                if self._get_param(key) is not None
            },
        }
        asked = [(kind, change) for kind, change in changes.items() if change]
        if len(asked) != 1:
            kinds = ", ".join(kind for kind, _ in asked)
            raise InvalidParameterException(
                message=f"Only one type of update can be allowed, got: {kinds or 'none'}"
            )
        return asked[0]

    def update_cluster_config(self) -> ActionResult:
        """Merge one kind of change into the cluster, and answer with an update."""
        kind, change = self.asked_change()
        cluster = self.idle_cluster(kind)
        attribute, merged = self.merged(cluster, kind, change)
        if getattr(cluster, attribute) == merged:
            raise InvalidParameterException(message="Cluster is already at the desired config.")

        def finish() -> None:
            setattr(cluster, attribute, merged)
            if kind == "VpcConfigUpdate":
                self.delete_interfaces(cluster)
                self.create_interfaces(cluster)

        return self.start_update(cluster, kind, change, finish)

    def merged(self, cluster: Any, kind: str, change: dict[str, Any]) -> tuple[str, Any]:
        """Return the attribute of a cluster that a change is about, and its new value."""
        if kind == "LoggingUpdate":
            named = {each for setup in change["clusterLogging"] for each in setup["types"]}
            current = enabled_types(cluster.logging) - named
            return "logging", logging_of(current | enabled_types(change))
        if kind == "AccessConfigUpdate":
            self.check_mode(cluster.access_config["authenticationMode"], change)
            return "access_config", {**cluster.access_config, **change}
        if kind == "UpgradePolicyUpdate":
            check_support(cluster.version, change)
            return "upgrade_policy", change
        if kind == "DeletionProtectionUpdate":
            return "deletion_protection", change["deletionProtection"]
        merged = self.cluster_network({**cluster.resources_vpc_config, **change})
        return "resources_vpc_config", merged

    @staticmethod
    def check_mode(current: str, change: dict[str, Any]) -> None:
        """Refuse a way back to aws-auth, and the way past the step between."""
        wanted = change.get("authenticationMode", current)
        if MODES.index(wanted) - MODES.index(current) not in (0, 1):
            raise InvalidParameterException(
                message=f"Unsupported authentication mode update from {current} to {wanted}"
            )

    def associate_encryption_config(self) -> ActionResult:
        """Encrypt the secrets of a cluster, which cannot be undone or done anew."""
        kind = "AssociateEncryptionConfig"
        cluster, encryption = self.idle_cluster(kind), self.asked_encryption()
        if cluster.encryption_config:
            raise InvalidRequestException(
                message=f"Cluster {cluster.name} already has an encryption config"
            )

        def finish() -> None:
            cluster.encryption_config = encryption

        change = {"encryptionConfig": json.dumps(encryption)}
        return self.start_update(cluster, kind, change, finish)

    def update_cluster_version(self) -> ActionResult:
        """Go one minor version up, as EKS allows, unless an insight speaks against it."""
        cluster, version = self.idle_cluster("VersionUpdate"), self._get_param("version")
        if version not in VERSIONS or minor_of(version) != minor_of(cluster.version) + 1:
            raise InvalidParameterException(
                message=f"Unsupported Kubernetes minor version update from {cluster.version} "
                f"to {version}"
            )
        check_support(version, cluster.upgrade_policy)
        errors = [
            insight["name"]
            for insight in upgrade_insights(cluster)
            if insight["insightStatus"]["status"] == "ERROR"
        ]
        if errors and not self._get_param("force"):
            raise InvalidStateError(
                clusterName=cluster.name,
                message="Amazon EKS detected upgrade readiness issues. Call the ListInsights API "
                "to view detected upgrade blocking issues. Pass the force flag when updating to "
                f"override upgrade readiness errors. Issues: {', '.join(errors)}",
            )

        def finish() -> None:
            cluster.version = version

        return self.start_update(cluster, "VersionUpdate", {"version": version}, finish)
