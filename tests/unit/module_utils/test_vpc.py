"""The network of a VPC against scripted answers of AWS: refusals, delays and failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    AwsError,
    AwsTimeoutError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc import (
    ensure_vpc,
    ensure_vpc_itself,
    wait_for_ipv6,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_endpoints import (
    ensure_security_group,
    find_endpoints,
    remove_endpoints,
    wait_for_endpoints,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_flow_logs import (
    ensure_flow_logs,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_leftovers import (
    remove_network_interfaces,
    remove_security_groups,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_nat import (
    ensure_nat_gateways,
    find_nat_gateways,
    remove_nat_gateways,
    wait_for_nat_gateways,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_network import Network
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_subnets import (
    check_subnets,
    ensure_subnets,
)
from ansible_collections.mlops.gpu_platform.tests.unit.scripted_aws import ScriptedAws
from botocore.exceptions import ClientError

OF_VPC = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
PRIVATE = {
    "name": "mlops-private-eu-west-1a",
    "cidr": "10.0.0.0/24",
    "availability_zone": "eu-west-1a",
    "public": False,
    "tags": {},
}
PUBLIC = {**PRIVATE, "name": "mlops-public-eu-west-1a", "cidr": "10.0.1.0/24", "public": True}


def params(**changes: Any) -> Fields:
    """Return the module's options."""
    return {
        "name": "mlops",
        "state": "present",
        "cidr": "10.0.0.0/16",
        "ipv6": False,
        "subnets": [PRIVATE, PUBLIC],
        "nat": "none",
        "interface_endpoints": [],
        "flow_logs": None,
        "tags": None,
        "purge_tags": True,
        **changes,
    }


def named(name: str) -> Fields:
    """Return the tags of a resource."""
    return {"Tags": [{"Key": "Name", "Value": name}]}


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def network(script: ScriptedAws, check_mode: bool = False, **changes: Any) -> Network:
    """Return the network of a VPC that exists."""
    found = Network(script.aws(check_mode=check_mode), params(**changes))
    found.vpc_id, found.existed = "vpc-1", True
    return found


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
    this = network(script, check_mode=True)
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


def test_a_failed_endpoint_says_why(script: ScriptedAws) -> None:
    pending = {"VpcEndpointId": "vpce-1", "State": "pending", **named("mlops-sts")}
    failed = {**pending, "State": "Failed", "LastError": {"Message": "no such zone"}}
    for endpoint in (pending, failed):
        answer = {"VpcEndpoints": [endpoint]}
        script.answer("ec2", "describe_vpc_endpoints", answer, Filters=OF_VPC)
    with pytest.raises(AwsError, match="endpoint mlops-sts is Failed: no such zone"):
        wait_for_endpoints(network(script), ["vpce-1"])


def test_endpoints_are_not_waited_for_unless_asked_to(script: ScriptedAws) -> None:
    wait_for_endpoints(Network(script.aws(wait=False), params()), ["vpce-1"])


def test_an_endpoint_that_aws_keeps_is_an_error(script: ScriptedAws) -> None:
    failure = {"ResourceId": "vpce-1", "Error": {"Message": "managed by a service"}}
    answer = {"Unsuccessful": [failure]}
    script.answer("ec2", "delete_vpc_endpoints", answer, VpcEndpointIds=["vpce-1"])
    with pytest.raises(AwsError, match="endpoint vpce-1: managed by a service"):
        remove_endpoints(network(script), [{"VpcEndpointId": "vpce-1"}])


def test_endpoints_take_https_from_the_vpc_only(script: ScriptedAws) -> None:
    open_to_all = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    }
    group = {"GroupName": "mlops-endpoints", "GroupId": "sg-1", **named("mlops-endpoints")}
    described = {**group, "IpPermissions": [{**open_to_all, "UserIdGroupPairs": []}]}
    answer = {"SecurityGroups": [described]}
    script.answer("ec2", "describe_security_groups", answer, Filters=OF_VPC)
    wanted = {**open_to_all, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    for method, rule in (
        ("revoke_security_group_ingress", open_to_all),
        ("authorize_security_group_ingress", wanted),
    ):
        script.answer("ec2", method, {}, GroupId="sg-1", IpPermissions=[rule])
    this = network(script)
    assert ensure_security_group(this) == "sg-1"
    assert this.changes == [
        {
            "action": "update",
            "type": "AWS::EC2::SecurityGroup",
            "name": "mlops-endpoints",
            "fields": ["ingress"],
        }
    ]


def test_a_flow_log_that_aws_refuses_is_an_error(script: ScriptedAws) -> None:
    of_resource = [{"Name": "resource-id", "Values": ["vpc-1"]}]
    script.answer("ec2", "describe_flow_logs", {"FlowLogs": []}, Filter=of_resource)
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/mlops/flow-logs"
    group = {
        "logGroupName": "/aws/vpc/mlops/flow-logs",
        "arn": f"{arn}:*",
        "retentionInDays": 30,
    }
    script.answer(
        "logs",
        "describe_log_groups",
        {"logGroups": [group]},
        logGroupNamePrefix="/aws/vpc/mlops/flow-logs",
    )
    script.answer("logs", "list_tags_for_resource", {"tags": {"a": "1"}}, resourceArn=arn)
    role = "arn:aws:iam::123456789012:role/logs"
    failure = {"ResourceId": "vpc-1", "Error": {"Message": "Access Denied for LogDestination"}}
    script.answer(
        "ec2",
        "create_flow_logs",
        {"Unsuccessful": [failure]},
        ResourceIds=["vpc-1"],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="/aws/vpc/mlops/flow-logs",
        DeliverLogsPermissionArn=role,
        TagSpecifications=[{"ResourceType": "vpc-flow-log", **named("mlops")}],
    )
    with pytest.raises(AwsError, match="flow logs of mlops: Access Denied for LogDestination"):
        ensure_flow_logs(network(script, flow_logs={"role": role, "retention_days": 30}))


def expect_interfaces(script: ScriptedAws, *interfaces: Fields) -> None:
    """Expect a look at the network interfaces of the VPC."""
    answer = {"NetworkInterfaces": list(interfaces)}
    script.answer("ec2", "describe_network_interfaces", answer, Filters=OF_VPC)


def interface(name: str, status: str, **more: Any) -> Fields:
    """Return a network interface as EC2 describes it."""
    return {"NetworkInterfaceId": f"eni-{name}", "Status": status, "OwnerId": "123", **more}


def test_interfaces_are_deleted_when_their_users_let_them_go(script: ScriptedAws) -> None:
    of_nat = interface("nat", "in-use")
    expect_interfaces(script, of_nat, interface("a", "in-use"))
    expect_interfaces(script, of_nat, interface("a", "available"))
    script.answer("ec2", "delete_network_interface", {}, NetworkInterfaceId="eni-a")
    this = network(script)
    remove_network_interfaces(this, {"eni-nat"})
    assert [change["name"] for change in this.changes] == ["eni-a"]


def test_interfaces_that_stay_in_use_are_named_with_purpose_and_owner(script: ScriptedAws) -> None:
    cluster = interface(
        "a", "in-use", Description="Amazon EKS mlops", Attachment={"InstanceOwnerId": "amazon-eks"}
    )
    node = interface("b", "in-use", Attachment={"InstanceId": "i-1"})
    for _ in range(2):
        expect_interfaces(script, cluster, node)
    message = (
        r"network interfaces of mlops gone: not reached within 10 s\. Still in use: "
        r"eni-a \(Amazon EKS mlops, owner amazon-eks\); eni-b \(no description, owner i-1\)"
    )
    this = network(script)
    this.aws = script.aws(wait_timeout=10)
    with pytest.raises(AwsTimeoutError, match=message):
        remove_network_interfaces(this, set())


def test_groups_that_name_each_other_are_parted_first(script: ScriptedAws) -> None:
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    default = {"GroupName": "default", "GroupId": "sg-0"}
    own_pair = {"GroupId": "sg-1"}
    one = {
        "GroupName": "k8s-one",
        "GroupId": "sg-1",
        "IpPermissions": [{**https, "UserIdGroupPairs": [own_pair, {"GroupId": "sg-2"}]}],
    }
    everywhere = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
    two = {"GroupName": "k8s-two", "GroupId": "sg-2", "IpPermissionsEgress": [everywhere]}
    answer = {"SecurityGroups": [default, one, two]}
    script.answer("ec2", "describe_security_groups", answer, Filters=OF_VPC)
    to_two = {**https, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}
    script.answer(
        "ec2", "revoke_security_group_ingress", {}, GroupId="sg-1", IpPermissions=[to_two]
    )
    script.answer(
        "ec2", "revoke_security_group_egress", {}, GroupId="sg-2", IpPermissions=[everywhere]
    )
    for group in ("sg-1", "sg-2"):
        script.answer("ec2", "delete_security_group", {}, GroupId=group)
    this = network(script)
    remove_security_groups(this)
    assert [change["name"] for change in this.changes] == ["k8s-one", "k8s-two"]
