"""What belongs to a cluster of the emulated EKS: it is listed in pages, and ends with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


class Part(NamedTuple):
    """A kind of part: the call that lists them, the key of the list, and what names one of it."""

    call: str
    key: str
    name: Callable[[Any], str]


PARTS = [
    Part("list_access_entries", "accessEntries", lambda arn: arn.rpartition("/")[2]),
    Part("list_addons", "addons", str),
    Part("list_nodegroups", "nodegroups", str),
    Part("list_pod_identity_associations", "associations", lambda each: each["serviceAccount"]),
]
each_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.key)


def create(eks: Any, subnets: list[str], role: str, nodes: str) -> None:
    """Create a cluster with two parts of each kind."""
    names = {"clusterName": "full"}
    eks.create_cluster(
        name="full",
        roleArn=role,
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API"},
    )
    for name in ("a", "b"):
        eks.create_nodegroup(
            **names,
            nodegroupName=name,
            subnets=subnets,
            nodeRole=nodes,
            scalingConfig={"minSize": 0, "desiredSize": 0, "maxSize": 1},
        )
        account = {"namespace": "triton", "serviceAccount": name}
        eks.create_pod_identity_association(**names, **account, roleArn=role)
    for name in ("coredns", "kube-proxy"):
        eks.create_addon(**names, addonName=name)


def delete(eks: Any) -> None:
    """Delete the cluster; of its parts only the node groups have to go before."""
    for name in eks.list_nodegroups(clusterName="full")["nodegroups"]:
        eks.delete_nodegroup(clusterName="full", nodegroupName=name)
    eks.delete_cluster(name="full")


@pytest.fixture
def full(eks: Any, subnets: list[str], service_roles: dict[str, str]) -> Iterator[str]:
    """A cluster with two parts of each kind."""
    create(eks, subnets, service_roles["eks"], service_roles["ec2"])
    yield "full"
    delete(eks)


@each_part
def test_parts_are_listed_in_pages(eks: Any, full: str, part: Part) -> None:
    names: list[str] = []
    token: dict[str, str] = {}
    for _ in range(2):
        page = getattr(eks, part.call)(clusterName=full, maxResults=1, **token)
        names += map(part.name, page[part.key])
        token = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    expected = {
        "accessEntries": ["mlops-ec2", "moto"],
        "addons": ["coredns", "kube-proxy"],
    }
    assert sorted(names) == expected.get(part.key, ["a", "b"])
    assert token == {}


@each_part
def test_parts_of_an_absent_cluster_are_refused(eks: Any, part: Part) -> None:
    absent = {"clusterName": "absent"}
    check_refusals(eks, [(part.call, absent, "ResourceNotFoundException", "absent")])


@each_part
def test_parts_end_with_their_cluster(
    eks: Any, full: str, subnets: list[str], service_roles: dict[str, str], part: Part
) -> None:
    delete(eks)
    eks.create_cluster(
        name=full,
        roleArn=service_roles["eks"],
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={
            "authenticationMode": "API",
            "bootstrapClusterCreatorAdminPermissions": False,
        },
    )
    assert getattr(eks, part.call)(clusterName=full)[part.key] == []
