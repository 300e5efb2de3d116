"""The page docs/vpc-setup.md: the networks of the inventories, made from the role aws_network."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.filter.subnet_plan import subnet_plan
from ansible_collections.mlops.gpu_platform.tools.role_variables import (
    inventory_variable,
    markdown_table,
)

INTRODUCTION = """\
# Networks of the platform

This page is generated from the role `aws_network` and the inventories for AWS: `make docs`. One
call of the module `vpc` builds all of it. With `aws_network_state: absent` it takes all away again,
first what controllers left there: load balancers, their network interfaces and security groups.

- Nodes and pods are in the private subnets, which nothing from outside reaches. NAT gateways are in
  the public ones, and load balancers, which find them by their `kubernetes.io/role/` tags.
- Image layers and models come through the gateway endpoint for S3, which costs nothing.
- Private subnets are counted from the start of the network and public ones from its end, so a zone
  that is added later moves none of those that exist.
- All variables with their defaults: [aws_network](../roles/aws_network/README.md).
"""
NAT = {
    "none": "none; private subnets reach AWS through interface endpoints",
    "single": "one, in the first zone",
    "per_zone": "one in each zone, so that no zone depends on another",
}
# AWS keeps five addresses of each subnet.
RESERVED = 5


def vpc_page() -> str:
    """Return the text of the page."""
    sections = [section(inventory) for inventory in ("dev", "prod")]
    return "\n".join([INTRODUCTION, *sections])


def section(inventory: str) -> str:
    """Return what the page says of the network of an inventory."""

    def given(name: str) -> Any:
        return inventory_variable(inventory, "aws_network", f"aws_network_{name}")

    zones, nat, name = given("availability_zones"), given("nat"), given("name")
    subnets = subnet_plan(
        given("cidr"),
        zones,
        given("private_subnet_prefix"),
        given("public_subnet_prefix"),
        name,
    )
    rows = [
        (
            f"`{subnet['name']}`",
            f"`{subnet['cidr']}`",
            IPv4Network(subnet["cidr"]).num_addresses - RESERVED,
            "internet gateway" if subnet["public"] else way_out(nat, zones, subnet),
        )
        for subnet in sorted(subnets, key=lambda subnet: subnet["public"])
    ]
    endpoints = ", ".join(f"`{service}`" for service in given("interface_endpoints"))
    logs = f"kept {given('flow_logs_retention_days')} days" if given("flow_logs") else "off"
    return (
        f"## inventories/{inventory}\n\n"
        f"VPC `{name}`, `{given('cidr')}`.\n\n"
        + markdown_table(("subnet", "network", "addresses", "way out"), list(rows))
        + f"\n- NAT gateways: {NAT[nat]}\n"
        + f"- Endpoints: `s3` (gateway){', ' if endpoints else ''}{endpoints}\n"
        + f"- Flow logs: {logs}\n"
    )


def way_out(nat: str, zones: list[str], subnet: Any) -> str:
    """Return where a private subnet's default route leads."""
    if nat == "none":
        return "endpoints only"
    zone = zones[0] if nat == "single" else subnet["availability_zone"]
    return f"NAT gateway in {zone}"
