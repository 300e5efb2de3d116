"""The calls of an earlier run, made by boto3 in one process: the least that they can take.

Usage: ``python -m benchmarks.replay URL LOG read`` makes those calls of a request log that only
look. ``python -m benchmarks.replay URL LOG create`` makes those that change something, on an empty
account, with the ids that standard input gives for the account of the log (see ``Account.ids``).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from support.local_platform import READING

Fields = dict[str, Any]
Ids = dict[str, str]
"""Ids by the field that holds one and the name of what has it, as ``VpcId mlops``."""

# How EC2 describes what carries a Name tag: the method, its key, and the field with the id.
TAGGED = (
    ("describe_vpcs", "Vpcs", "VpcId"),
    ("describe_subnets", "Subnets", "SubnetId"),
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("describe_addresses", "Addresses", "AllocationId"),
    ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("describe_route_tables", "RouteTables", "RouteTableId"),
)
WAITERS = {
    "CreateCluster": ("cluster_active", {"name": "name"}),
    "CreateNodegroup": (
        "nodegroup_active",
        {"clusterName": "clusterName", "nodegroupName": "nodegroupName"},
    ),
}
"""What later calls need: the waiter of EKS, and its parameters by those of the call."""


class Account:
    """An account at the emulated AWS, by clients that are made once."""

    def __init__(self, url: str) -> None:
        self.client = cache(
            lambda service: boto3.client(
                service,
                endpoint_url=url,
                region_name="eu-west-1",
                aws_access_key_id="local",
                aws_secret_access_key="local",
            )
        )

    def ids(self) -> Ids:
        """Return the ids of what later calls name."""
        found = {}
        for method, key, field in TAGGED:
            for resource in getattr(self.client("ec2"), method)()[key]:
                found[f"{field} {name_in(resource.get('Tags', []))}"] = resource[field]
        for alias in self.client("kms").list_aliases()["Aliases"]:
            if not alias["AliasName"].startswith("alias/aws/"):
                found["KeyId None"] = alias["TargetKeyId"]
        for cluster in self.client("eks").list_clusters()["clusters"]:
            for name in self.client("eks").list_nodegroups(clusterName=cluster)["nodegroups"]:
                found[f"AutoScalingGroup {name}"] = self.group(cluster, name)
        templates = self.client("ec2").describe_launch_templates()["LaunchTemplates"]
        for template in templates:
            name = template["LaunchTemplateName"]
            found[f"LaunchTemplateId {name}"] = template["LaunchTemplateId"]
        return found

    def group(self, cluster: str, nodegroup: str) -> str:
        """Return the name of the Auto Scaling group behind a node group."""
        names = {"clusterName": cluster, "nodegroupName": nodegroup}
        resources = self.client("eks").describe_nodegroup(**names)["nodegroup"]["resources"]
        return str(resources["autoScalingGroups"][0]["name"])

    def make(self, call: Fields, parameters: Fields) -> Ids:
        """Make a call, wait for what later calls need, and return the ids of what it has made."""
        action = call["action"]
        client = self.client(call["service"])
        answer = json.dumps(getattr(client, xform_name(action))(**parameters), default=str)
        if action in WAITERS:
            waiter, names = WAITERS[action]
            given = {name: parameters[key] for name, key in names.items()}
            client.get_waiter(waiter).wait(**given, WaiterConfig={"Delay": 1, "MaxAttempts": 600})
        if action == "CreateNodegroup":
            name = parameters["nodegroupName"]
            return {f"AutoScalingGroup {name}": self.group(parameters["clusterName"], name)}
        if not action.startswith(("Allocate", "Create")):
            return {}
        tags = [tag for each in parameters.get("TagSpecifications", []) for tag in each["Tags"]]
        name = parameters.get("LaunchTemplateName") or name_in(tags)
        fields = [*(field for _, _, field in TAGGED), "KeyId", "LaunchTemplateId"]
        found = {field: re.search(rf'"{field}": "([^"]+)"', answer) for field in fields}
        return {f"{field} {name}": match[1] for field, match in found.items() if match}


def name_in(tags: list[Fields]) -> str | None:
    """Return the Name among tags."""
    return next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None)


def calls_of(log: Path, reads: bool) -> Iterator[Fields]:
    """Yield the logged calls that went well, either those that look or those that change."""
    for line in log.read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        if bool(READING.match(call["action"])) is reads and call["status"] < 400:
            yield call


def create(account: Account, log: Path, old: Ids) -> None:
    """Make the calls that change something, each id of the log replaced by the new account's."""
    new: Ids = {}
    for call in calls_of(log, reads=False):
        text = json.dumps(call["parameters"])
        for name, identifier in new.items():
            text = text.replace(old.get(name, identifier), identifier)
        new |= account.make(call, json.loads(text))


def read(account: Account, log: Path) -> None:
    """Make the calls that only look."""
    for call in calls_of(log, reads=True):
        getattr(account.client(call["service"]), xform_name(call["action"]))(**call["parameters"])


if __name__ == "__main__":
    if sys.argv[3] == "create":
        create(Account(sys.argv[1]), Path(sys.argv[2]), json.load(sys.stdin))
    else:
        read(Account(sys.argv[1]), Path(sys.argv[2]))
