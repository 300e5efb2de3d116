"""A VPC that exists, as the functions of the module vpc get it, against scripted answers."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.network import Network

from support.scripted_aws import ScriptedAws

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


def network(script: ScriptedAws, modes: Fields | None = None, **changes: Any) -> Network:
    """Return the network of a VPC that exists; ``modes`` are those of ``Aws``."""
    found = Network(script.aws(**(modes or {})), params(**changes))
    found.vpc_id, found.existed = "vpc-1", True
    return found
