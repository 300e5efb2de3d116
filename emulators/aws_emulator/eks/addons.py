"""Add-ons of the emulated EKS, which moto does not have."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.exceptions import InvalidParameterException, ResourceInUseException

from .call import EKSCall
from .clock import agenda
from .versions import VERSIONS

PATHS = (
    "{0}/addons/supported-versions$",
    "{0}/clusters/(?P<name>[^/]+)/addons$",
    "{0}/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)$",
    "{0}/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)/update$",
)
# The builds of each add-on, the newest first; of two the older one is the default. The version of
# kube-proxy is that of Kubernetes.
BUILDS = (2, 1)
BASES = {
    "aws-ebs-csi-driver": "v1.48.0",
    "coredns": "v1.12.4",
    "eks-pod-identity-agent": "v1.3.8",
    "kube-proxy": "v{kubernetes}.0",
    "vpc-cni": "v1.20.4",
}


def versions_of(name: str, kubernetes: str) -> list[str]:
    """Return the versions of an add-on for a version of Kubernetes, the newest first."""
    if name not in BASES or kubernetes not in VERSIONS:
        return []
    base = BASES[name].format(kubernetes=kubernetes)
    return [f"{base}-eksbuild.{build}" for build in BUILDS]


def offers_of(name: str, kubernetes_versions: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the versions of an add-on as DescribeAddonVersions does."""
    fits: dict[str, list[dict[str, Any]]] = {}
    for kubernetes in kubernetes_versions:
        versions = versions_of(name, kubernetes)
        for version in versions:
            fit = {
                "clusterVersion": kubernetes,
                "platformVersions": ["*"],
                "defaultVersion": version == versions[-1],
            }
            fits.setdefault(version, []).append(fit)
    return [
        {
            "addonVersion": version,
            "architecture": ["amd64", "arm64"],
            "computeTypes": ["ec2"],
            "compatibilities": compatibilities,
            "requiresConfiguration": False,
            "requiresIamPermissions": name in ("aws-ebs-csi-driver", "vpc-cni"),
        }
        for version, compatibilities in fits.items()
    ]


class AddonCalls(EKSCall):
    """The calls for add-ons, which are kept with their cluster."""

    def named_addon(self) -> Any:
        """Return the add-on that the path names."""
        name = self._get_param("addonName")
        message = f"No addon: {name} found in cluster: {self._get_param('name')}"
        return self.found(self.named_cluster().addons, name, message)

    def check_settings(self, name: str, version: str | None) -> None:
        """Refuse a version, configuration or role that EKS would refuse."""
        if version and version not in versions_of(name, self.named_cluster().version):
            raise InvalidParameterException(message="Addon version specified is not supported")
        try:
            json.loads(self._get_param("configurationValues") or "{}")
        except json.JSONDecodeError as error:
            raise InvalidParameterException(
                message="ConfigurationValue provided in request is not in valid JSON or YAML format"
            ) from error
        if role := self._get_param("serviceAccountRoleArn"):
            self.check_role(role)

    def settings(self) -> dict[str, Any]:
        """Return the settings of a request under the names that a description has."""
        names = ("addonVersion", "configurationValues", "serviceAccountRoleArn")
        return {name: self._get_param(name) for name in names if self._get_param(name) is not None}

    def create_addon(self) -> ActionResult:
        """Create an add-on; without a version it gets the default one."""
        cluster, name = self.active_cluster(), self._get_param("addonName")
        if name in cluster.addons:
            raise ResourceInUseException(message="Addon already exists.")
        if self._get_param("resolveConflicts") == "PRESERVE":
            raise InvalidParameterException(
                message="Resolve conflicts option PRESERVE is not supported for operation "
                "CreateAddon"
            )
        if not versions_of(name, cluster.version):
            raise InvalidParameterException(message=f"Addon specified is not supported: {name}")
        self.check_settings(name, self._get_param("addonVersion"))
        now = utcnow()
        addon = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "CREATING",
            "addonVersion": versions_of(name, cluster.version)[-1],
            "health": {"issues": []},
            "addonArn": self.arn_of("addon", cluster.name, name, self.new_id()),
            "createdAt": now,
            "modifiedAt": now,
            "tags": self._get_param("tags") or {},
            "publisher": "eks",
            "owner": "aws",
            **self.settings(),
        }
        cluster.addons[name] = addon

        def done() -> None:
            if addon["status"] == "CREATING":
                addon["status"] = "ACTIVE"

        agenda.after("addon", done)
        return ActionResult({"addon": addon})

    def list_addons(self) -> ActionResult:
        """Return the names of the add-ons."""
        return self.page("addons", list(self.named_cluster().addons))

    def describe_addon(self) -> ActionResult:
        """Return an add-on."""
        return ActionResult({"addon": self.named_addon()})

    def update_addon(self) -> ActionResult:
        """Change an add-on; a role that is not named is lost, as at AWS."""
        addon, settings = self.named_addon(), self.settings()
        name = addon["addonName"]
        self.refuse_during_update("AddonUpdate", addonName=name)
        if addon["status"] in ("CREATING", "DELETING"):
            raise ResourceInUseException(
                clusterName=addon["clusterName"],
                addonName=name,
                message=f"Addon {name} cannot be updated as it is currently in {addon['status']} "
                "state",
            )
        self.check_settings(name, settings.get("addonVersion"))

        def finish() -> None:
            addon.pop("serviceAccountRoleArn", None)
            addon.update(settings, modifiedAt=utcnow())

        return self.start_update(addon, "AddonUpdate", settings, finish, addonName=name)

    def delete_addon(self) -> ActionResult:
        """Delete an add-on, and its updates with it."""
        addon, cluster = self.named_addon(), self.named_cluster()

        def done() -> None:
            cluster.addons.pop(addon["addonName"], None)
            self.forget_updates(cluster, addonName=addon["addonName"])

        addon["status"] = "DELETING"
        agenda.after("addon", done)
        return ActionResult({"addon": addon})

    def describe_addon_versions(self) -> ActionResult:
        """Return what versions there are, of one add-on or all, for one Kubernetes or all."""
        names = [self._get_param("addonName")] if self._get_param("addonName") else list(BASES)
        asked = self._get_param("kubernetesVersion")
        kubernetes = (asked,) if asked else tuple(VERSIONS)
        addons = [
            {"addonName": name, "publisher": "eks", "owner": "aws", "addonVersions": offers}
            for name in names
            if (offers := offers_of(name, kubernetes))
        ]
        return ActionResult({"addons": addons})
