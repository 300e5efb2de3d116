"""NAT gateways and their addresses against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.endpoints import (
    find_endpoints,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.nat import (
    ensure_nat_gateways,
    find_nat_gateways,
    remove_nat_gateways,
    wait_for_nat_gateways,
)
from support.scripted_aws import ScriptedAws
from support.scripted_network import (
    OF_VPC,
    PRIVATE,
    PUBLIC,
    named,
    network,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def nat_gateway(state: str, **more: Any) -> Fields:
    """Return a NAT gateway as EC2 describes it."""
    name = named("mlops-nat-eu-west-1a")
    return {"NatGatewayId": "nat-1", "State": state, "NatGatewayAddresses": [], **name, **more}


def test_a_failed_nat_gateway_says_why(script: ScriptedAws) -> None:
    failed = nat_gateway("failed", FailureMessage="no address left")
    for gateway in (nat_gateway("pending"), failed):
        script.answer(
            "ec2",
            "describe_nat_gateways",
            {"NatGateways": [gateway]},
            Filter=[{"Name": "nat-gateway-id", "Values": ["nat-1"]}],
        )
    with pytest.raises(AwsError, match="NAT gateway mlops-nat-eu-west-1a: no address left"):
        wait_for_nat_gateways(network(script), ["nat-1"])


def test_a_nat_gateway_that_is_being_deleted_is_waited_for(script: ScriptedAws) -> None:
    for state in ("deleting", "deleted"):
        answer = {"NatGateways": [nat_gateway(state)]}
        script.answer("ec2", "describe_nat_gateways", answer, Filter=OF_VPC)
    assert find_nat_gateways(network(script)) == []


def test_check_mode_does_not_wait_for_deletions(script: ScriptedAws) -> None:
    answer = {"NatGateways": [nat_gateway("deleting")]}
    script.answer("ec2", "describe_nat_gateways", answer, Filter=OF_VPC)
    endpoint = {"VpcEndpointId": "vpce-1", "State": "Deleting"}
    script.answer("ec2", "describe_vpc_endpoints", {"VpcEndpoints": [endpoint]}, Filters=OF_VPC)
    this = network(script, {"check_mode": True})
    assert (find_nat_gateways(this), find_endpoints(this)) == ([], [])
    assert script.now == 0


def test_of_two_addresses_with_one_name_the_unused_one_is_surplus(script: ScriptedAws) -> None:
    answer = {"NatGateways": [nat_gateway("available")]}
    script.answer("ec2", "describe_nat_gateways", answer, Filter=OF_VPC)
    name = named("mlops-nat-eu-west-1a")
    used = {"AllocationId": "eipalloc-1", "AssociationId": "eipassoc-1", **name}
    unused = {"AllocationId": "eipalloc-2", **name}
    filters = [{"Name": "tag:Name", "Values": ["mlops-nat-*"]}]
    script.answer("ec2", "describe_addresses", {"Addresses": [used, unused]}, Filters=filters)
    subnets = [{**subnet, "subnet_id": "subnet-1"} for subnet in (PRIVATE, PUBLIC)]
    this = network(script, nat="single")
    nat = ensure_nat_gateways(this, subnets)
    assert (nat.by_zone, nat.pending) == ({"eu-west-1a": "nat-1"}, [])
    assert (nat.surplus, nat.surplus_addresses) == ([], [unused])
    assert this.changes == []


def test_addresses_are_released_after_their_gateways(script: ScriptedAws) -> None:
    script.answer("ec2", "delete_nat_gateway", {}, NatGatewayId="nat-1")
    for state in ("deleting", "deleted"):
        answer = {"NatGateways": [nat_gateway(state)]}
        script.answer("ec2", "describe_nat_gateways", answer, Filter=OF_VPC)
    script.answer("ec2", "release_address", {}, AllocationId="eipalloc-1")
    address = {"AllocationId": "eipalloc-1", **named("mlops-nat-eu-west-1a")}
    remove_nat_gateways(network(script), [nat_gateway("available")], [address])
