"""A VPC and its subnets against scripted answers of AWS: refusals and delays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.subnets import (
    check_subnets,
    ensure_subnets,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.vpc import (
    ensure_vpc,
    ensure_vpc_itself,
    wait_for_ipv6,
)
from botocore.exceptions import ClientError
from support.scripted_aws import ScriptedAws
from support.scripted_network import (
    OF_VPC,
    PRIVATE,
    PUBLIC,
    named,
    network,
    params,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_vpcs(script: ScriptedAws, *vpcs: Fields) -> None:
    """Expect the search for the VPC by its name."""
    filters = [{"Name": "tag:Name", "Values": ["mlops"]}]
    script.answer("ec2", "describe_vpcs", {"Vpcs": list(vpcs)}, Filters=filters)


@pytest.mark.parametrize(
    ("subnets", "message"),
    [
        ([{**PRIVATE, "cidr": "10.1.0.0/24"}], "10.1.0.0/24 is not within cidr, which is 10.0.0"),
        ([PRIVATE, {**PUBLIC, "cidr": "10.0.0.128/25"}], "10.0.0.0/24 and 10.0.0.128/25 overlap"),
        ([{**PRIVATE, "availability_zone": "us-east-1a"}], "us-east-1a is not a zone of eu-west-1"),
        ([{**PRIVATE, "cidr": "10.0.0.1/24"}], "cidr: 10.0.0.1/24 has host bits set"),
    ],
)
def test_subnets_that_do_not_fit_are_refused_before_any_call(
    script: ScriptedAws, subnets: list[Fields], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        ensure_vpc(script.aws(), params(subnets=subnets))


def test_subnets_side_by_side_fit() -> None:
    check_subnets("10.0.0.0/16", [PRIVATE, PUBLIC], "eu-west-1")


def test_two_vpcs_of_the_name_are_refused(script: ScriptedAws) -> None:
    expect_vpcs(script, {"VpcId": "vpc-2"}, {"VpcId": "vpc-1"})
    with pytest.raises(AwsError, match="more than one VPC has this Name tag: vpc-1, vpc-2"):
        ensure_vpc(script.aws(), params())


def test_another_network_is_refused_before_any_change(script: ScriptedAws) -> None:
    expect_vpcs(script, {"VpcId": "vpc-1", "CidrBlock": "10.9.0.0/16"})
    with pytest.raises(AwsError, match=r"cidr is 10\.0\.0\.0/16, but .* mlops has 10\.9\.0\.0/16"):
        ensure_vpc(script.aws(), params())


def test_a_subnet_in_another_zone_is_refused_before_any_change(script: ScriptedAws) -> None:
    expect_vpcs(script, {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"})
    subnet = {
        "SubnetId": "subnet-1",
        "CidrBlock": "10.0.0.0/24",
        "AvailabilityZone": "eu-west-1b",
    }
    script.answer("ec2", "describe_subnets", {"Subnets": [subnet]}, Filters=OF_VPC)
    with pytest.raises(AwsError, match=r"\(subnet-1\) is in eu-west-1b, and AWS cannot"):
        ensure_vpc(script.aws(), params())


@pytest.mark.parametrize("nat", ["single", "per_zone"])
def test_a_zone_without_public_subnet_gets_no_nat_gateway(script: ScriptedAws, nat: str) -> None:
    with pytest.raises(AwsError, match=f"nat is {nat}, but no public subnet is in eu-west-1a"):
        ensure_vpc(script.aws(), params(nat=nat, subnets=[PRIVATE]))


def test_what_ec2_does_not_know_yet_is_asked_again(script: ScriptedAws) -> None:
    script.refuse("ec2", "create_subnet", "InvalidVpcID.NotFound")
    script.answer("ec2", "create_subnet", {}, VpcId="vpc-1", CidrBlock="10.0.0.0/24")
    network(script).call("create_subnet", VpcId="vpc-1", CidrBlock="10.0.0.0/24")
    assert script.now > 0


def test_other_errors_are_not_asked_again(script: ScriptedAws) -> None:
    script.refuse("ec2", "create_subnet", "InvalidSubnet.Conflict")
    with pytest.raises(ClientError, match="Conflict"):
        network(script).call("create_subnet", VpcId="vpc-1", CidrBlock="10.0.0.0/24")


def test_what_is_in_use_for_a_while_is_deleted_then(script: ScriptedAws) -> None:
    script.refuse("ec2", "delete_security_group", "DependencyViolation")
    script.refuse("ec2", "delete_security_group", "InvalidGroup.InUse")
    script.answer("ec2", "delete_security_group", {}, GroupId="sg-1")
    this = network(script)
    this.gone(lambda: this.ec2.delete_security_group(GroupId="sg-1"))


def test_what_stays_in_use_is_an_error(script: ScriptedAws) -> None:
    for _ in range(61):  # two minutes, every two seconds
        script.refuse("ec2", "delete_vpc", "DependencyViolation", "has dependencies")
    this = network(script)
    with pytest.raises(ClientError, match="has dependencies"):
        this.gone(lambda: this.ec2.delete_vpc(VpcId="vpc-1"))


def test_what_is_gone_already_is_no_error(script: ScriptedAws) -> None:
    script.refuse("ec2", "delete_vpc", "InvalidVpcID.NotFound")
    this = network(script)
    this.gone(lambda: this.ec2.delete_vpc(VpcId="vpc-1"))


def test_the_ipv6_network_is_waited_for(script: ScriptedAws) -> None:
    def vpc(state: str, **block: str) -> Fields:
        association = {"Ipv6CidrBlockState": {"State": state}, **block}
        return {"VpcId": "vpc-1", "Ipv6CidrBlockAssociationSet": [association]}

    block = "2600:1f18::/56"
    for vpcs in ([], [vpc("associating")], [vpc("associated", Ipv6CidrBlock=block)]):
        script.answer("ec2", "describe_vpcs", {"Vpcs": vpcs}, Filters=OF_VPC)
    assert wait_for_ipv6(network(script)) == block


def test_an_ipv6_network_that_is_to_come_is_not_asked_for_twice(script: ScriptedAws) -> None:
    coming = {"Ipv6CidrBlockState": {"State": "associating"}}
    found = {"VpcId": "vpc-1", "Ipv6CidrBlockAssociationSet": [coming], **named("mlops")}
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        script.answer(
            "ec2",
            "describe_vpc_attribute",
            {attribute: {"Value": True}},
            VpcId="vpc-1",
            Attribute=attribute[0].lower() + attribute[1:],
        )
    given = {"Ipv6CidrBlock": "2600:1f18::/56", "Ipv6CidrBlockState": {"State": "associated"}}
    answer = {"Vpcs": [{**found, "Ipv6CidrBlockAssociationSet": [given]}]}
    script.answer("ec2", "describe_vpcs", answer, Filters=OF_VPC)
    this = network(script, ipv6=True)
    assert ensure_vpc_itself(this, found) == "2600:1f18::/56"
    assert this.changes == []


def test_new_subnets_assign_addresses_once_they_have_their_networks(script: ScriptedAws) -> None:
    def subnet(state: str) -> Fields:
        block = {"Ipv6CidrBlock": "2600:1f18::/64", "Ipv6CidrBlockState": {"State": state}}
        return {"SubnetId": "subnet-1", "Ipv6CidrBlockAssociationSet": [block]}

    script.answer(
        "ec2",
        "create_subnet",
        {"Subnet": subnet("associating")},
        VpcId="vpc-1",
        CidrBlock="10.0.0.0/24",
        AvailabilityZone="eu-west-1a",
        Ipv6CidrBlock="2600:1f18::/64",
        TagSpecifications=[{"ResourceType": "subnet", **named(str(PRIVATE["name"]))}],
    )
    of_subnet = [{"Name": "subnet-id", "Values": ["subnet-1"]}]
    for subnets in ([], [subnet("associating")], [subnet("associated")]):
        script.answer("ec2", "describe_subnets", {"Subnets": subnets}, Filters=of_subnet)
    script.answer(
        "ec2",
        "modify_subnet_attribute",
        {},
        SubnetId="subnet-1",
        AssignIpv6AddressOnCreation={"Value": True},
    )
    this = network(script, ipv6=True, subnets=[PRIVATE])
    (made,) = ensure_subnets(this, {}, "2600:1f18::/56")
    assert made["subnet_id"] == "subnet-1"
