"""The network of a VPC against the emulated AWS: built, changed, interrupted and torn down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import subnet_plan
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    AwsError,
    AwsTimeoutError,
    Fields,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc import ensure_vpc
from ansible_collections.mlops.gpu_platform.tests.unit.aws_emulator.conftest import Emulator

READS = ("Describe", "Get", "List")
ZONES = ["eu-west-1a", "eu-west-1b"]
NAMES = (f"net-{number}" for number in itertools.count())
# How EC2 lists each kind of resource of a VPC, and by which filter.
KINDS = {
    "describe_subnets": ("Subnets", "Filters"),
    "describe_nat_gateways": ("NatGateways", "Filter"),
    "describe_route_tables": ("RouteTables", "Filters"),
    "describe_vpc_endpoints": ("VpcEndpoints", "Filters"),
    "describe_security_groups": ("SecurityGroups", "Filters"),
    "describe_network_interfaces": ("NetworkInterfaces", "Filters"),
}


class InterruptedError_(Exception):
    """The run ends here."""
