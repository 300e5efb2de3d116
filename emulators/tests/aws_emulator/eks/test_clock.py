"""The time that the emulated EKS takes, by a clock that the tests set."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)
from aws_emulator.eks.clock import agenda, parse_seconds

SECONDS = {"cluster": 6.0, "nodegroup": 3.0, "addon": 1.0, "update": 2.0}
Forward = Callable[[float], None]


@pytest.fixture
def forward(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forward]:
    """A function that puts the clock forward; EKS takes its time until the test ends."""
    seconds = time.monotonic()
    monkeypatch.setattr(agenda, "now", lambda: seconds)
    monkeypatch.setattr(agenda, "seconds", SECONDS)

    def put_forward(by: float) -> None:
        nonlocal seconds
        seconds += by

    yield put_forward
    put_forward(60)
    agenda.run()


@pytest.fixture
def nodegroup(cluster: str, subnets: list[str], service_roles: dict[str, str]) -> dict[str, Any]:
    """A request for a node group; it is not sent."""
    return {
        "clusterName": cluster,
        "nodegroupName": "gpu",
        "subnets": subnets,
        "nodeRole": service_roles["ec2"],
        "scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 1},
    }


def test_cluster_from_creating_to_gone(
    eks: Any,
    client: Callable[[str], Any],
    subnets: list[str],
    service_roles: dict[str, str],
    forward: Forward,
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="slow", roleArn=service_roles["eks"], resourcesVpcConfig=network)
    forward(5.9)
    assert eks.describe_cluster(name="slow")["cluster"]["status"] == "CREATING"
    unready, used, text = "InvalidRequestException", "ResourceInUseException", "not in ACTIVE"
    protect = {"name": "slow", "deletionProtection": True}
    nodegroup = {
        "clusterName": "slow",
        "nodegroupName": "gpu",
        "subnets": subnets,
        "nodeRole": service_roles["ec2"],
    }
    addon = {"clusterName": "slow", "addonName": "coredns"}
    check_refusals(
        eks,
        [
            ("update_cluster_config", protect, unready, text),
            ("update_cluster_version", {"name": "slow", "version": "1.35"}, unready, text),
            ("create_nodegroup", nodegroup, unready, text),
            ("create_addon", addon, unready, text),
            ("delete_cluster", {"name": "slow"}, used, "Cannot delete"),
        ],
    )
    forward(0.1)
    assert eks.describe_cluster(name="slow")["cluster"]["status"] == "ACTIVE"

    for _ in range(2):
        assert eks.delete_cluster(name="slow")["cluster"]["status"] == "DELETING"
        forward(3)
    interfaces = [{"Name": "description", "Values": ["Amazon EKS slow"]}]
    ec2 = client("ec2")
    assert ec2.describe_network_interfaces(Filters=interfaces)["NetworkInterfaces"] == []
    assert "slow" not in eks.list_clusters()["clusters"]


def test_interfaces_hold_their_subnets_until_the_cluster_is_gone(
    eks: Any,
    client: Callable[[str], Any],
    subnets: list[str],
    service_roles: dict[str, str],
    forward: Forward,
) -> None:
    network = {"subnetIds": subnets}
    eks.create_cluster(name="slow", roleArn=service_roles["eks"], resourcesVpcConfig=network)
    forward(6)
    eks.delete_cluster(name="slow")
    forward(5)
    subnet = {"SubnetId": subnets[0]}
    check_refusals(
        client("ec2"), [("delete_subnet", subnet, "DependencyViolation", "has dependencies")]
    )


def test_update_takes_effect_when_it_is_done(eks: Any, cluster: str, forward: Forward) -> None:
    update = eks.update_cluster_version(name=cluster, version="1.34")["update"]
    forward(1)
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert (described["status"], described["version"]) == ("UPDATING", "1.33")
    asked = {"name": cluster, "updateId": update["id"]}
    assert eks.describe_update(**asked)["update"]["status"] == "InProgress"
    protect = {"name": cluster, "deletionProtection": True}
    used, text = "ResourceInUseException", f"currently has update {update['id']} in progress"
    check_refusals(
        eks,
        [
            ("update_cluster_config", protect, used, text),
            ("delete_cluster", {"name": cluster}, used, "an update in progress"),
        ],
    )
    forward(1)
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert (described["status"], described["version"]) == ("ACTIVE", "1.34")
    assert eks.describe_update(**asked)["update"]["status"] == "Successful"


def test_node_group_from_creating_to_gone(
    eks: Any, client: Callable[[str], Any], nodegroup: dict[str, Any], forward: Forward
) -> None:
    names = {key: nodegroup[key] for key in ("clusterName", "nodegroupName")}
    eks.create_nodegroup(**nodegroup)
    label = {**names, "labels": {"addOrUpdateLabels": {"a": "b"}}}
    used = "ResourceInUseException"
    check_refusals(eks, [("update_nodegroup_config", label, used, "not in Active State")])
    forward(3)
    assert eks.describe_nodegroup(**names)["nodegroup"]["status"] == "ACTIVE"

    eks.update_nodegroup_config(**label)
    check_refusals(
        eks,
        [
            ("update_nodegroup_config", label, used, "nodegroup gpu of cluster mlops"),
            ("update_nodegroup_version", names, used, "nodegroup gpu of cluster mlops"),
            ("delete_nodegroup", names, used, "nodegroup gpu of cluster mlops"),
        ],
    )
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert (described["status"], described["labels"]) == ("UPDATING", {})
    forward(2)
    described = eks.describe_nodegroup(**names)["nodegroup"]
    assert (described["status"], described["labels"]) == ("ACTIVE", {"a": "b"})

    eks.delete_nodegroup(**names)
    check_refusals(eks, [("update_nodegroup_config", label, used, "DELETING")])
    autoscaling = client("autoscaling")
    for size in (1, 0):
        groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        assert len(groups) == size
        forward(3)
    assert eks.list_nodegroups(clusterName="mlops")["nodegroups"] == []


def test_addon_from_creating_to_gone(eks: Any, cluster: str, forward: Forward) -> None:
    addon = {"clusterName": cluster, "addonName": "coredns"}
    eks.create_addon(**addon)
    used = "ResourceInUseException"
    check_refusals(eks, [("update_addon", addon, used, "CREATING")])
    forward(1)
    assert eks.describe_addon(**addon)["addon"]["status"] == "ACTIVE"
    eks.update_addon(**addon, configurationValues='{"a": 1}')
    check_refusals(eks, [("update_addon", addon, used, "addon coredns of cluster mlops")])
    described = eks.describe_addon(**addon)["addon"]
    assert (described["status"], "configurationValues" in described) == ("UPDATING", False)
    forward(1)
    described = eks.describe_addon(**addon)["addon"]
    assert (described["status"], described["configurationValues"]) == ("ACTIVE", '{"a": 1}')
    eks.delete_addon(**addon)
    assert eks.describe_addon(**addon)["addon"]["status"] == "DELETING"
    forward(1)
    assert eks.list_addons(clusterName=cluster)["addons"] == []


def test_health_issue_that_a_tag_asks_for(
    eks: Any, nodegroup: dict[str, Any], forward: Forward
) -> None:
    names = {key: nodegroup[key] for key in ("clusterName", "nodegroupName")}
    eks.create_nodegroup(**nodegroup, tags={"emulator:health-issue": "Ec2SubnetNotFound"})
    for status in ("CREATING", "CREATE_FAILED"):
        described = eks.describe_nodegroup(**names)["nodegroup"]
        assert described["status"] == status
        assert [each["code"] for each in described["health"]["issues"]] == ["Ec2SubnetNotFound"]
        forward(3)
    eks.delete_nodegroup(**names)
    forward(3)


def test_seconds_of_the_command_line() -> None:
    assert parse_seconds("cluster=6,addon=0.5") == {"cluster": 6.0, "addon": 0.5}
    assert parse_seconds("") == {}


@pytest.mark.parametrize("text", ["clusters=6", "cluster", "cluster=-1", "cluster=soon"])
def test_seconds_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not one of cluster, nodegroup"):
        parse_seconds(text)
