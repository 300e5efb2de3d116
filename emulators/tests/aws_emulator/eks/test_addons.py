"""Add-ons of the emulated EKS, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def test_addon(eks: Any, cluster: str, roles: dict[str, str]) -> None:
    addon = {"clusterName": cluster, "addonName": "kube-proxy"}
    created = eks.create_addon(**addon, serviceAccountRoleArn=roles["mlops-a"])["addon"]
    assert (created["status"], created["addonVersion"]) == ("CREATING", "v1.33.0-eksbuild.1")
    described = eks.describe_addon(**addon)["addon"]
    assert (described["status"], described["health"]) == ("ACTIVE", {"issues": []})
    assert eks.list_addons(clusterName=cluster)["addons"] == ["kube-proxy"]

    update = eks.update_addon(
        **addon, addonVersion="v1.33.0-eksbuild.2", configurationValues='{"a": 1}'
    )["update"]
    done = eks.describe_update(name=cluster, addonName="kube-proxy", updateId=update["id"])
    assert (done["update"]["type"], done["update"]["status"]) == ("AddonUpdate", "Successful")
    described = eks.describe_addon(**addon)["addon"]
    assert described["configurationValues"] == '{"a": 1}'
    assert "serviceAccountRoleArn" not in described

    eks.tag_resource(resourceArn=described["addonArn"], tags={"a": "1"})
    assert eks.describe_addon(**addon)["addon"]["tags"] == {"a": "1"}
    assert eks.delete_addon(**addon)["addon"]["status"] == "DELETING"
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_addon(**addon)


def test_versions_follow_kubernetes(eks: Any) -> None:
    for kubernetes in ("1.33", "1.34"):
        asked = {"addonName": "kube-proxy", "kubernetesVersion": kubernetes}
        (addon,) = eks.describe_addon_versions(**asked)["addons"]
        offers = {
            offer["addonVersion"]: offer["compatibilities"][0]["defaultVersion"]
            for offer in addon["addonVersions"]
        }
        assert offers == {
            f"v{kubernetes}.0-eksbuild.2": False,
            f"v{kubernetes}.0-eksbuild.1": True,
        }
    assert eks.describe_addon_versions(addonName="none")["addons"] == []
    assert len(eks.describe_addon_versions()["addons"]) == 5


def test_refusals(eks: Any, cluster: str) -> None:
    addon = {"clusterName": cluster, "addonName": "coredns"}
    eks.create_addon(**addon)
    other, bad = addon | {"addonName": "vpc-cni"}, "InvalidParameterException"
    role = "arn:aws:iam::123456789012:role/absent"
    check_refusals(
        eks,
        [
            ("create_addon", addon, "ResourceInUseException", "already exists"),
            ("create_addon", addon | {"addonName": "none"}, bad, "not supported: none"),
            ("create_addon", other | {"addonVersion": "v9"}, bad, "version specified is not"),
            ("create_addon", other | {"resolveConflicts": "PRESERVE"}, bad, "PRESERVE"),
            ("create_addon", other | {"configurationValues": "{"}, bad, "not in valid JSON"),
            ("create_addon", other | {"serviceAccountRoleArn": role}, bad, "does not exist"),
            ("update_addon", addon | {"addonVersion": "v9"}, bad, "version specified is not"),
            ("update_addon", other, "ResourceNotFoundException", "vpc-cni"),
            ("delete_addon", other, "ResourceNotFoundException", "vpc-cni"),
            ("list_addons", {"clusterName": "none"}, "ResourceNotFoundException", "none"),
        ],
    )
