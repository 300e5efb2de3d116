"""The network of a VPC against the emulated AWS: built, changed, interrupted and torn down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import subnet_plan
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    AwsTimeoutError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc import ensure_vpc
from ansible_collections.mlops.gpu_platform.tests.unit.aws_emulator.conftest import Emulator

Client = Callable[[str], Any]
READS = ("Describe", "Get", "List")
CIDR = "10.20.0.0/16"
ZONES = ["eu-west-1a", "eu-west-1b"]
# All that the module can make, over two zones.
EVERYTHING: Fields = {
    "ipv6": True,
    "nat": "per_zone",
    "interface_endpoints": ["ecr.api", "sts"],
    "flow_logs": {"role": "mlops-a", "retention_days": 30},
}
NUMBERS = itertools.count()


class Stop(BaseException):
    """The run ends here, as by a signal."""


class Account:
    """The emulated account, and the runs of the module in it; each test has a VPC of its own."""

    def __init__(self, client: Client, emulator: Emulator) -> None:
        self.client = client
        self.request_log = emulator.request_log
        self.name = f"net-{next(NUMBERS)}"
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds

    def run(self, check_mode: bool = False, zones: list[str] = ZONES, **options: Any) -> Fields:
        """Run the module with these options, and return its result."""
        params = {
            "name": self.name,
            "state": "present",
            "cidr": CIDR,
            "ipv6": False,
            "subnets": subnet_plan(CIDR, zones, 19, 24, self.name),
            "nat": "single",
            "interface_endpoints": [],
            "flow_logs": None,
            "tags": {"Platform": "mlops"},
            "purge_tags": True,
            **options,
        }
        aws = Aws(self.client, check_mode, clock=lambda: self.now, sleep=self.sleep)
        return ensure_vpc(aws, params)

    def calls(self, do: Callable[[], object]) -> list[str]:
        """Return the calls that reach AWS while something is done."""
        start = len(self.lines())
        do()
        return [json.loads(line)["action"] for line in self.lines()[start:]]

    def lines(self) -> list[str]:
        """Return the lines of the request log."""
        return self.request_log.read_text().splitlines() if self.request_log.exists() else []

    def parts(self, method: str, key: str, **request: Any) -> list[Fields]:
        """Return what EC2 lists."""
        found: list[Fields] = getattr(self.client("ec2"), method)(**request)[key]
        return found

    def vpc_id(self) -> str:
        """Return the id of the one VPC of this name."""
        filters = [{"Name": "tag:Name", "Values": [self.name]}]
        (vpc,) = self.parts("describe_vpcs", "Vpcs", Filters=filters)
        return str(vpc["VpcId"])

    def in_vpc(self, method: str, key: str, filters: str = "Filters") -> list[Fields]:
        """Return what EC2 lists in the VPC."""
        return self.parts(method, key, **{filters: [{"Name": "vpc-id", "Values": [self.vpc_id()]}]})

    def gateways(self) -> list[str]:
        """Return the names of the NAT gateways, without that of the VPC."""
        found = self.in_vpc("describe_nat_gateways", "NatGateways", "Filter")
        return self.names([gateway for gateway in found if gateway["State"] == "available"])

    def addresses(self) -> list[str]:
        """Return the names of the Elastic IP addresses, without that of the VPC."""
        filters = [{"Name": "tag:Name", "Values": [f"{self.name}-*"]}]
        return self.names(self.parts("describe_addresses", "Addresses", Filters=filters))

    def names(self, resources: list[Fields]) -> list[str]:
        """Return the names of resources, without that of the VPC."""
        return sorted(
            tag["Value"].removeprefix(f"{self.name}-")
            for resource in resources
            for tag in resource.get("Tags", [])
            if tag["Key"] == "Name"
        )

    def ways_out(self) -> dict[str, str]:
        """Return the beginning of the id to which each route table leads by default."""
        ways = {}
        for table in self.in_vpc("describe_route_tables", "RouteTables"):
            for route in table["Routes"]:
                if route.get("DestinationCidrBlock") == "0.0.0.0/0":
                    target = route.get("NatGatewayId") or route["GatewayId"]
                    ways[self.names([table])[0]] = target
        return ways

    def everything(self) -> Fields:
        """Return the names of all that is there, which tells duplicates."""
        groups = self.in_vpc("describe_security_groups", "SecurityGroups")
        tables = self.in_vpc("describe_route_tables", "RouteTables")
        name = [{"Name": "tag:Name", "Values": [self.name]}]
        logs = self.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/vpc/{self.name}/")
        egress = self.parts("describe_egress_only_internet_gateways", "EgressOnlyInternetGateways")
        flow_logs = self.parts(
            "describe_flow_logs",
            "FlowLogs",
            Filter=[{"Name": "resource-id", "Values": [self.vpc_id()]}],
        )
        return {
            "subnets": self.names(self.in_vpc("describe_subnets", "Subnets")),
            "internet": len(
                self.parts("describe_internet_gateways", "InternetGateways", Filters=name)
            ),
            "egress_only": self.names(egress).count(self.name),
            "nat": self.gateways(),
            "addresses": self.addresses(),
            "endpoints": self.names(self.in_vpc("describe_vpc_endpoints", "VpcEndpoints")),
            "security_groups": sorted(
                (group["GroupName"], len(group["IpPermissions"])) for group in groups
            ),
            "tables": sorted(
                (name, len(table["Routes"]), len(table["Associations"]))
                for table in tables
                for name in self.names([table])
            ),
            "flow_logs": self.names(flow_logs),
            "log_groups": [group.get("retentionInDays") for group in logs["logGroups"]],
        }


def writes(calls: list[str]) -> list[str]:
    """Return the calls that write."""
    return [call for call in calls if not call.startswith(READS)]


@pytest.fixture
def account(client: Client, emulator: Emulator, roles: dict[str, str]) -> Iterator[Account]:
    account = Account(client, emulator)
    yield account
    account.run(state="absent")


def test_second_run_changes_nothing_with_ten_calls(account: Account) -> None:
    first = account.run()
    assert first["changed"]
    calls = account.calls(lambda: account.run())
    assert (writes(calls), len(calls)) == ([], 10)
    assert account.run()["subnets"] == first["subnets"]


def test_check_mode_plans_from_an_empty_account_what_is_then_made(account: Account) -> None:
    plan = account.run(check_mode=True, **EVERYTHING)
    calls = account.calls(lambda: account.run(check_mode=True, **EVERYTHING))
    assert writes(calls) == []
    assert plan["vpc"]["vpc_id"] == "planned"

    made = account.run(**EVERYTHING)
    assert made["changes"] == plan["changes"]
    assert {change["action"] for change in made["changes"]} == {"create"}
    calls = account.calls(lambda: account.run(**EVERYTHING))
    assert (writes(calls), len(calls)) == ([], 14)

    plan = account.run(check_mode=True, state="absent")
    end = account.run(state="absent")
    assert end["changes"] == plan["changes"]
    created, deleted = (
        sorted((change["type"], change["name"]) for change in result["changes"])
        for result in (made, end)
    )
    assert created == deleted
    assert not account.run(state="absent")["changed"]


def test_teardown_has_the_order_of_aws(account: Account) -> None:
    account.run(**EVERYTHING)
    calls = writes(account.calls(lambda: account.run(state="absent")))
    assert [call for call, _ in itertools.groupby(calls)] == [
        "DeleteVpcEndpoints",
        "DeleteNatGateway",
        "ReleaseAddress",
        "DeleteFlowLogs",
        "DeleteSecurityGroup",
        "DeleteSubnet",
        "DeleteRouteTable",
        "DeleteEgressOnlyInternetGateway",
        "DetachInternetGateway",
        "DeleteInternetGateway",
        "DeleteVpc",
        "DeleteLogGroup",
    ]


def test_nat_gateways_come_and_go_with_their_addresses_and_routes(account: Account) -> None:
    account.run(nat="per_zone")
    ways = account.ways_out()
    assert account.gateways() == account.addresses() == ["nat-eu-west-1a", "nat-eu-west-1b"]
    assert ways["private-eu-west-1a"] != ways["private-eu-west-1b"]

    plan = account.run(check_mode=True, nat="single")
    assert account.run(nat="single")["changes"] == plan["changes"]
    assert [(change["action"], change["name"]) for change in plan["changes"]] == [
        ("update", f"{account.name}-private-eu-west-1b"),
        ("delete", f"{account.name}-nat-eu-west-1b"),
        ("delete", f"{account.name}-nat-eu-west-1b"),
    ]
    ways = account.ways_out()
    assert account.gateways() == account.addresses() == ["nat-eu-west-1a"]
    assert ways["private-eu-west-1a"] == ways["private-eu-west-1b"]

    account.run(nat="none")
    assert account.gateways() == account.addresses() == []
    assert list(account.ways_out()) == ["public"]


def test_without_nat_the_way_to_s3_stays(account: Account) -> None:
    account.run(nat="none")
    calls = writes(account.calls(lambda: account.run(nat="none")))
    assert calls == []
    for table in account.in_vpc("describe_route_tables", "RouteTables"):
        to_s3 = [route for route in table["Routes"] if "DestinationPrefixListId" in route]
        private = any("private" in name for name in account.names([table]))
        assert len(to_s3) == (1 if private else 0)


def test_what_runs_in_a_zone_that_is_not_listed_any_more_keeps_a_way_out(account: Account) -> None:
    account.run(zones=[*ZONES, "eu-west-1c"], nat="per_zone")
    result = account.run(nat="per_zone")
    assert [(change["action"], change["name"]) for change in result["changes"]] == [
        ("update", f"{account.name}-private-eu-west-1c"),
        ("delete", f"{account.name}-nat-eu-west-1c"),
        ("delete", f"{account.name}-nat-eu-west-1c"),
    ]
    ways = account.ways_out()
    assert ways["private-eu-west-1c"] == ways["private-eu-west-1a"]
    assert not account.run(nat="per_zone")["changed"]


def test_a_built_network_gets_ipv6_endpoints_and_flow_logs(account: Account) -> None:
    account.run(nat="per_zone")
    plan = account.run(check_mode=True, **EVERYTHING)
    made = account.run(**EVERYTHING)
    assert made["changes"] == plan["changes"]
    assert not account.run(**EVERYTHING)["changed"]
    blocks = {
        block["Ipv6CidrBlock"]
        for subnet in account.in_vpc("describe_subnets", "Subnets")
        for block in subnet["Ipv6CidrBlockAssociationSet"]
    }
    assert len(blocks) == 4
    assert all(block.endswith("/64") for block in blocks)

    less: Fields = {"nat": "per_zone", "interface_endpoints": ["sts"]}
    assert [(change["action"], change["type"]) for change in account.run(**less)["changes"]] == [
        ("delete", "AWS::EC2::VPCEndpoint"),
        ("delete", "AWS::EC2::FlowLog"),
    ]
    assert not account.run(**less)["changed"]


def test_another_role_means_another_flow_log(account: Account, roles: dict[str, str]) -> None:
    account.run(flow_logs={"role": "mlops-a", "retention_days": 30})
    other = {"role": roles["mlops-b"], "retention_days": 90}
    calls = account.calls(lambda: account.run(flow_logs=other))
    assert writes(calls) == ["PutRetentionPolicy", "DeleteFlowLogs", "CreateFlowLogs"]
    assert not account.run(flow_logs=other)["changed"]


def test_tags_are_set_on_everything_and_purged(account: Account) -> None:
    account.run(**EVERYTHING)
    result = account.run(**EVERYTHING, tags={"Owner": "mlops"})
    assert {tuple(change["fields"]) for change in result["changes"]} == {("tags",)}
    assert len(result["changes"]) == len(account.run(check_mode=True, state="absent")["changes"])
    assert not account.run(**EVERYTHING, tags={"Owner": "mlops"})["changed"]
    assert not account.run(**EVERYTHING, tags={}, purge_tags=False)["changed"]
    assert not account.run(**EVERYTHING, tags=None)["changed"]


def interrupt(account: Account, number: int, **options: Any) -> bool:
    """Run the module until the answer to its n-th call that writes is lost.

    Returns whether it got that far.
    """
    countdown = itertools.count(1)

    def stop(model: Any, **_event: Any) -> None:
        if not model.name.startswith(READS) and next(countdown) == number:
            raise Stop

    clients = [account.client(service) for service in ("ec2", "logs")]
    for client in clients:
        client.meta.events.register("after-call", stop)
    try:
        account.run(**options)
    except Stop:
        return True
    finally:
        for client in clients:
            client.meta.events.unregister("after-call", stop)
    return False


def test_interrupted_after_any_call_it_converges(account: Account) -> None:
    # One zone has a resource of every kind; more would only take longer.
    build: Fields = {**EVERYTHING, "zones": ZONES[:1], "interface_endpoints": ["sts"]}
    writing = len(writes(account.calls(lambda: account.run(**build))))
    complete = account.everything()
    deleting = len(writes(account.calls(lambda: account.run(state="absent"))))
    assert writing > deleting > len(complete)
    for number in range(1, writing + 1):
        assert interrupt(account, number, **build)
        account.run(**build)
        assert account.everything() == complete, number
        assert not account.run(check_mode=True, **build)["changed"], number

        assert interrupt(account, number, state="absent") == (number <= deleting)
        account.run(state="absent")
        assert not account.run(check_mode=True, state="absent")["changed"], number


def test_what_controllers_left_goes_first(account: Account) -> None:
    result = account.run()
    vpc = result["vpc"]["vpc_id"]
    subnets = [subnet["subnet_id"] for subnet in result["subnets"]]
    ec2, elbv2, elb = account.client("ec2"), account.client("elbv2"), account.client("elb")
    groups = [
        ec2.create_security_group(GroupName=f"k8s-{name}", Description="k8s", VpcId=vpc)["GroupId"]
        for name in ("traffic", "backend")
    ]
    for group, other in (groups, reversed(groups)):
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
        pairs = {"UserIdGroupPairs": [{"GroupId": other}, {"GroupId": group}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**rule, **pairs}])
    balancer = elbv2.create_load_balancer(
        Name=account.name, Subnets=subnets[::2], SecurityGroups=groups[:1]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    targets = elbv2.create_target_group(Name=account.name, Protocol="HTTP", Port=80, VpcId=vpc)
    target = targets["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}
    elb.create_load_balancer(
        LoadBalancerName=account.name, Listeners=[listener], Subnets=subnets[:1]
    )
    ec2.create_network_interface(SubnetId=subnets[0], Description="aws-K8S-i-0123")

    plan = account.run(check_mode=True, state="absent")
    end = account.run(state="absent")
    assert end["changes"] == plan["changes"]
    assert [change["type"] for change in end["changes"][:4]] == [
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::ElasticLoadBalancing::LoadBalancer",
        "AWS::EC2::NetworkInterface",
    ]
    assert not account.run(state="absent")["changed"]


def test_load_balancers_and_groups_of_other_vpcs_stay(
    account: Account, client: Client, emulator: Emulator
) -> None:
    other = Account(client, emulator)
    result = other.run()
    ec2, elbv2 = client("ec2"), client("elbv2")
    vpc, subnets = result["vpc"]["vpc_id"], [subnet["subnet_id"] for subnet in result["subnets"]]
    elbv2.create_load_balancer(Name=other.name, Subnets=subnets[::2])
    ec2.create_security_group(GroupName="k8s", Description="k8s", VpcId=vpc)
    before = other.everything()

    account.run()
    account.run(state="absent")

    assert other.everything() == before
    assert elbv2.describe_load_balancers(Names=[other.name])["LoadBalancers"]
    other.run(state="absent")


def test_network_interfaces_in_use_are_named_and_nothing_is_torn_down(account: Account) -> None:
    subnet = account.run()["subnets"][0]["subnet_id"]
    ec2 = account.client("ec2")
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
    instance_id = instance["Instances"][0]["InstanceId"]
    (interface,) = instance["Instances"][0]["NetworkInterfaces"]
    start = account.now
    complete = account.everything()

    with pytest.raises(AwsTimeoutError, match="Still in use") as caught:
        account.run(state="absent")

    assert account.now - start >= 1800
    assert f"{interface['NetworkInterfaceId']} (" in str(caught.value)
    assert f"owner {instance_id})" in str(caught.value)
    assert account.everything() == complete
    ec2.terminate_instances(InstanceIds=[instance_id])
