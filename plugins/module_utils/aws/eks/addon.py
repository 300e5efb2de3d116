"""EKS add-ons: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    in_snake_case,
    report_all,
    tags_after,
)
from ..iam.role import (
    role_arn,
    same_role,
)
from .common import (
    describe_cluster,
    issues_of,
    look_up,
    retag,
    unhealthy,
    wait_for,
    wait_for_update,
)
from .version import (
    default_of,
    offered_addons,
)

CONFLICTS = ["NONE", "OVERWRITE", "PRESERVE"]
# The option's value for the version that EKS recommends for the cluster's version of Kubernetes.
DEFAULT_VERSION = "default"
# An add-on in such a state takes no update: it is cleared away and created anew.
REMAINS = {"CREATE_FAILED", "DELETE_FAILED", "DELETING"}
# Issues that pass when nodes arrive or the cluster answers again; all others stay.
PASSING_ISSUES = {
    "ClusterUnreachable",
    "InsufficientNumberOfReplicas",
    "InternalFailure",
    "K8sResourceNotFound",
}


def ensure_addons(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete an add-on, or several, each sent before any is waited for.

    Raises:
        AwsError: EKS reports a failure or does not offer the version.
    """

    @cache
    def kubernetes() -> str | None:
        cluster = describe_cluster(aws, params["cluster_name"])
        return cluster["version"] if cluster else None

    if params["addons"] is None:
        return converge(Addon(aws, params, kubernetes))
    at_once = replace(aws, wait=False)
    addons = {
        each["name"]: Addon(at_once, {**params, **given(**each)}, kubernetes)
        for each in params["addons"]
    }
    results = {name: converge(addon) for name, addon in addons.items()}
    if aws.wait and not aws.check_mode:
        for name, addon in addons.items():
            if results[name]["changed"]:
                results[name]["addon"] = in_snake_case(addon.settled())
    return report_all("addons", "addon", results)


def configuration_of(text: str | None) -> Any:
    """Return configuration values as data; text that is not JSON equals no data."""
    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError:
        return text


def configuration_text(values: Fields) -> str:
    """Return configuration values as the EKS API takes them."""
    return json.dumps(values, sort_keys=True)


def hopeful(addon: Fields) -> bool:
    """Tell whether an add-on that is not active may become so without a change.

    The issues during an update may be those that it mends.
    """
    passing = all(issue["code"] in PASSING_ISSUES for issue in issues_of(addon))
    return addon["status"] == "UPDATING" or (
        passing and addon["status"] in ("CREATING", "DEGRADED")
    )


class Addon(Resource):
    """An add-on of a cluster, whose version of Kubernetes is only asked for where it matters."""

    kind = "addon"
    type = "AWS::EKS::Addon"

    def __init__(self, aws: Aws, params: Fields, kubernetes: Callable[[], str | None]) -> None:
        super().__init__(aws, params)
        self.kubernetes = kubernetes

    def names(self) -> Fields:
        """Return cluster and add-on."""
        return {"cluster_name": self.params["cluster_name"], "addon_name": self.params["name"]}

    def request(self) -> dict[str, str]:
        """Return the same under the names of the EKS API."""
        return {"clusterName": self.params["cluster_name"], "addonName": self.params["name"]}

    def describe(self) -> Fields | None:
        """Return the add-on as it is now."""
        return look_up(self.aws, "describe_addon", "addon", **self.request())

    def find(self) -> Fields | None:
        """Return an add-on that takes updates; wait for it, and clear a failed one away."""
        addon = self.describe()
        if addon is None or self.params["state"] == "absent":
            return addon
        if addon["status"] in REMAINS:
            if not self.aws.check_mode:
                self.clear(addon)
            return None
        if addon["status"] == "CREATING" and not self.aws.check_mode:
            return self.wait({"ACTIVE"})
        if addon["status"] == "UPDATING" and not self.aws.check_mode:
            return self.wait({"ACTIVE", "DEGRADED", "UPDATE_FAILED"})
        return addon

    def view(self, current: Fields) -> Fields:
        """Return the managed fields; a failed update shows as a status that is to change."""
        failed = current["status"] == "UPDATE_FAILED"
        return {
            "version": current["addonVersion"],
            "configuration_values": configuration_of(current.get("configurationValues")),
            "service_account_role": current.get("serviceAccountRoleArn"),
            "status": "UPDATE_FAILED" if failed else "ACTIVE",
            "tags": current.get("tags", {}),
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        role = self.params["service_account_role"]
        return given(
            version=self.version(view.get("version")),
            configuration_values=self.params["configuration_values"],
            service_account_role=same_role(view.get("service_account_role"), role),
            status="ACTIVE",
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def version(self, current: str | None) -> str | None:
        """Return the version to have; None leaves it to EKS, or as it is.

        Raises:
            AwsError: EKS does not offer it for the cluster's version of Kubernetes.
        """
        version: str | None = self.params["version"]
        if version is None or version == current:
            return version
        name, kubernetes = self.params["name"], self.kubernetes()
        if kubernetes is None:
            return version
        offered = offered_addons(self.aws, name, kubernetes)
        if version == DEFAULT_VERSION:
            version = default_of(offered)
        if version not in offered:
            raise AwsError(
                f"version is {self.params['version']}; for {name} and Kubernetes {kubernetes} "
                f"EKS offers: {', '.join(offered) or 'nothing'}"
            )
        return version

    def settings(self, wanted: Fields, current: Fields) -> Fields:
        """Return the settings of a request; an update would lose those that it does not name."""
        values, role = wanted.get("configuration_values"), wanted.get("service_account_role")
        return given(
            **self.request(),
            addonVersion=wanted.get("version"),
            configurationValues=current.get("configurationValues")
            if values is None
            else configuration_text(values),
            serviceAccountRoleArn=role_arn(self.aws, role, "service_account_role")
            if role
            else current.get("serviceAccountRoleArn"),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the add-on, and wait for it where asked to."""
        conflicts = self.params["resolve_conflicts"]
        # EKS preserves on updates only.
        conflicts = "NONE" if conflicts == "PRESERVE" else conflicts
        request = given(
            **self.settings(wanted, {}), resolveConflicts=conflicts, tags=wanted.get("tags")
        )
        addon = self.aws.client("eks").create_addon(**request)["addon"]
        return self.wait({"ACTIVE"}) if self.aws.wait else addon

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send all settings as one update, then the tags."""
        if changed - {"tags"}:
            request = self.settings(wanted, current)
            conflicts = self.params["resolve_conflicts"]
            eks = self.aws.client("eks")
            update = eks.update_addon(**request, resolveConflicts=conflicts)["update"]
            if self.aws.wait:
                name, addon = self.params["cluster_name"], self.params["name"]
                wait_for_update(self.aws, update, name=name, addonName=addon)
                self.wait({"ACTIVE"})
        retag(self.aws, current["addonArn"], before.get("tags", {}), wanted.get("tags", {}))
        return self.describe() or current

    def wait(self, ready: set[str]) -> Fields:
        """Return the add-on once its status is one of these; see ``wait_for``."""
        return wait_for(self.aws, self.title(), self.describe, ready, hopeful)

    def title(self) -> str:
        """Return what messages call the add-on."""
        return f"add-on {self.params['name']}"

    def delete(self, current: Fields) -> None:
        """Delete the add-on, and wait for its end where asked to."""
        if self.aws.wait:
            self.clear(current)
        elif current["status"] != "DELETING":
            self.aws.client("eks").delete_addon(**self.request())

    def clear(self, current: Fields) -> None:
        """Delete the add-on unless it is being deleted, and wait for its end.

        Raises:
            AwsError: EKS could not delete it; its health issues are in the message.
        """
        if current["status"] != "DELETING":
            self.aws.client("eks").delete_addon(**self.request())
        self.wait_until_gone()

    def settled(self) -> Fields:
        """Return the add-on once the change is done that was sent without waiting for it."""
        if self.params["state"] == "present":
            return self.wait({"ACTIVE"})
        self.wait_until_gone()
        return {}

    def wait_until_gone(self) -> None:
        """Wait for the end of an add-on that is being deleted.

        Raises:
            AwsError: EKS could not delete it; its health issues are in the message.
        """

        def gone() -> bool | None:
            addon = self.describe()
            if addon and addon["status"] == "DELETE_FAILED":
                raise unhealthy(self.title(), addon)
            return None if addon else True

        self.aws.until(gone, f"{self.title()} deleted")
