"""Subnets against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_subnets import ensure_subnets
from ansible_collections.mlops.gpu_platform.tests.unit.scripted_aws import ScriptedAws

A = {"cidr": "10.0.0.0/24", "availability_zone": "eu-west-1a", "tags": {"Name": "a"}}
B = {"cidr": "10.0.1.0/24", "availability_zone": "eu-west-1b", "tags": {}}


def params(*subnets: Fields, purge_tags: bool = True) -> Fields:
    """Return the module's options."""
    return {"vpc_id": "vpc-1", "subnets": list(subnets), "purge_tags": purge_tags}


def described(subnet: Fields, **changes: Any) -> Fields:
    """Return a subnet as EC2 describes it; its id ends with its zone."""
    tags = [{"Key": key, "Value": value} for key, value in subnet["tags"].items()]
    return {
        "SubnetId": f"subnet-{subnet['availability_zone'][-1]}",
        "CidrBlock": subnet["cidr"],
        "AvailabilityZone": subnet["availability_zone"],
        "State": "available",
        "Tags": tags,
        **changes,
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_look(script: ScriptedAws, filter_name: str, value: str, *subnets: Fields) -> None:
    """Expect a search for subnets."""
    filters = [{"Name": filter_name, "Values": [value]}]
    script.answer("ec2", "describe_subnets", {"Subnets": list(subnets)}, Filters=filters)


def test_only_what_is_missing_is_created_and_waited_for(script: ScriptedAws) -> None:
    expect_look(script, "vpc-id", "vpc-1", described(B))
    script.answer(
        "ec2",
        "create_subnet",
        {"Subnet": described(A, State="pending")},
        VpcId="vpc-1",
        CidrBlock="10.0.0.0/24",
        AvailabilityZone="eu-west-1a",
        TagSpecifications=[{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "a"}]}],
    )
    expect_look(script, "subnet-id", "subnet-a")
    expect_look(script, "subnet-id", "subnet-a", described(A, State="pending"))
    expect_look(script, "subnet-id", "subnet-a", described(A))
    result = ensure_subnets(script.aws(poll_interval=2), params(A, B))
    assert result["changed"]
    assert [subnet["subnet_id"] for subnet in result["subnets"]] == ["subnet-a", "subnet-b"]
    assert script.now == 4


def test_second_run_changes_nothing(script: ScriptedAws) -> None:
    other = {"cidr": "10.0.9.0/24", "availability_zone": "eu-west-1c", "tags": {}}
    expect_look(script, "vpc-id", "vpc-1", described(B), described(other), described(A))
    assert not ensure_subnets(script.aws(), params(A, B))["changed"]


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    expect_look(script, "vpc-id", "vpc-1")
    result = ensure_subnets(script.aws(check_mode=True), params(A, B))
    assert result["changed"]
    assert [subnet["subnet_id"] for subnet in result["subnets"]] == [None, None]


def test_tags_are_set_and_removed(script: ScriptedAws) -> None:
    tags = {"Name": "old", "other": "1", "aws:x": "y"}
    expect_look(script, "vpc-id", "vpc-1", described(A | {"tags": tags}))
    script.answer("ec2", "delete_tags", {}, Resources=["subnet-a"], Tags=[{"Key": "other"}])
    name = [{"Key": "Name", "Value": "a"}]
    script.answer("ec2", "create_tags", {}, Resources=["subnet-a"], Tags=name)
    result = ensure_subnets(script.aws(), params(A))
    assert result["changed"]
    assert result["subnets"][0]["tags"] == {"Name": "a", "aws:x": "y"}


def test_other_tags_can_stay(script: ScriptedAws) -> None:
    expect_look(script, "vpc-id", "vpc-1", described(A | {"tags": {"Name": "a", "other": "1"}}))
    assert not ensure_subnets(script.aws(), params(A, purge_tags=False))["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_subnet_in_another_zone_is_refused(script: ScriptedAws, check_mode: bool) -> None:
    expect_look(script, "vpc-id", "vpc-1", described(A))
    moved = A | {"availability_zone": "eu-west-1c"}
    expected = r"10.0.0.0/24 \(subnet-a\) is in eu-west-1a, and AWS cannot move it to eu-west-1c"
    with pytest.raises(AwsError, match=expected):
        ensure_subnets(script.aws(check_mode=check_mode), params(B, moved))
