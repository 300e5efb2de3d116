"""Versions and insights of the emulated EKS, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def test_versions_and_their_support(eks: Any) -> None:
    versions = eks.describe_cluster_versions()["clusterVersions"]
    support = {each["clusterVersion"]: each["versionStatus"] for each in versions}
    assert support == {
        "1.35": "STANDARD_SUPPORT",
        "1.34": "STANDARD_SUPPORT",
        "1.33": "STANDARD_SUPPORT",
        "1.32": "STANDARD_SUPPORT",
        "1.31": "EXTENDED_SUPPORT",
    }
    for version in versions:
        assert version["endOfStandardSupportDate"] < version["endOfExtendedSupportDate"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"defaultOnly": True}, ["1.34"]),
        ({"versionStatus": "EXTENDED_SUPPORT"}, ["1.31"]),
        ({"clusterVersions": ["1.32", "1.33", "9.99"]}, ["1.33", "1.32"]),
    ],
)
def test_versions_that_are_asked_for(eks: Any, asked: dict[str, Any], found: list[str]) -> None:
    versions = eks.describe_cluster_versions(**asked)["clusterVersions"]
    assert [each["clusterVersion"] for each in versions] == found


def test_new_cluster_is_ready_for_an_upgrade(eks: Any, cluster: str) -> None:
    assert eks.list_insights(clusterName=cluster)["insights"] == []
    eks.create_addon(clusterName=cluster, addonName="kube-proxy")
    (insight,) = eks.list_insights(clusterName=cluster)["insights"]
    assert (insight["name"], insight["kubernetesVersion"]) == ("kube-proxy version skew", "1.34")
    assert insight["insightStatus"]["status"] == "PASSING"
    assert insight["category"] == "UPGRADE_READINESS"


def test_old_nodes_hold_an_upgrade_up(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> None:
    names = {"clusterName": cluster, "nodegroupName": "old"}
    scaling = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    role = service_roles["ec2"]
    eks.create_nodegroup(
        **names, subnets=subnets, nodeRole=role, scalingConfig=scaling, version="1.31"
    )
    for version, status in (("1.34", "WARNING"), ("1.35", "ERROR")):
        (insight,) = eks.list_insights(clusterName=cluster)["insights"]
        assert (insight["kubernetesVersion"], insight["insightStatus"]["status"]) == (
            version,
            status,
        )
        passing = {"statuses": ["PASSING"]}
        assert eks.list_insights(clusterName=cluster, filter=passing)["insights"] == []
        if status == "WARNING":
            eks.update_cluster_version(name=cluster, version=version)
    upgrade = {"name": cluster, "version": "1.35"}
    check_refusals(
        eks, [("update_cluster_version", upgrade, "InvalidStateException", "Kubelet version skew")]
    )
    eks.update_cluster_version(**upgrade, force=True)
    assert eks.describe_cluster(name=cluster)["cluster"]["version"] == "1.35"
    assert eks.list_insights(clusterName=cluster)["insights"] == []
    eks.delete_nodegroup(**names)
