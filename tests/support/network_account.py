"""The emulated account as the tests of the module vpc see it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import subnet_plan
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Aws, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.vpc import ensure_vpc

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
