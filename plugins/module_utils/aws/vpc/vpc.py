"""A VPC with all that belongs to it: built in one go, or torn down."""

from __future__ import annotations

from ..core import Aws, AwsError, Fields
from .endpoints import (
    ensure_interface_endpoints,
    ensure_s3_endpoint,
    find_endpoints,
    wait_for_endpoints,
)
from .flow_logs import (
    ensure_flow_logs,
)
from .gateways import (
    ensure_egress_only_gateway,
    ensure_internet_gateway,
)
from .nat import (
    ensure_nat_gateways,
    remove_nat_gateways,
    wait_for_nat_gateways,
    zones_with_gateway,
)
from .network import VPC, Network
from .routes import (
    ensure_route_tables,
)
from .subnets import (
    check_subnets,
    describe_subnets,
    ensure_subnets,
)
from .teardown import tear_down

# Fields of the VPC, and the attributes of EC2 behind them.
ATTRIBUTES = {"dns_support": "EnableDnsSupport", "dns_hostnames": "EnableDnsHostnames"}
# How EC2 makes a VPC.
NEW_ATTRIBUTES = {"dns_support": True, "dns_hostnames": False}


def ensure_vpc(aws: Aws, params: Fields) -> Fields:
    """Build the network of a VPC, or tear it down.

    Raises:
        AwsError: the options do not fit each other or what exists, or AWS reports a failure.
    """
    network = Network(aws, params)
    if params["state"] == "absent":
        tear_down(network)
        return network.result(vpc={}, subnets=[])
    check_subnets(params["cidr"], params["subnets"], network.region)
    zones_with_gateway(params)
    found = network.find_vpc()
    if found and found["CidrBlock"] != params["cidr"]:
        raise AwsError(
            f"cidr is {params['cidr']}, but the VPC named {network.name} has "
            f"{found['CidrBlock']}, which AWS cannot change"
        )
    existing = describe_subnets(network)
    return build(network, found, existing)


def build(network: Network, found: Fields | None, existing: dict[str, Fields]) -> Fields:
    """Make the VPC and its parts what the options say.

    What takes minutes is asked for early and waited for late.
    """
    ipv6_cidr = ensure_vpc_itself(network, found)
    subnets = ensure_subnets(network, existing, ipv6_cidr)
    internet_gateway = ensure_internet_gateway(network)
    egress_only_gateway = ensure_egress_only_gateway(network)
    nat = ensure_nat_gateways(network, subnets)
    endpoints = find_endpoints(network)
    pending = ensure_interface_endpoints(network, endpoints, subnets)
    wait_for_nat_gateways(network, nat.pending)
    tables = ensure_route_tables(
        network, subnets, internet_gateway, egress_only_gateway, nat.by_zone
    )
    ensure_s3_endpoint(network, endpoints, tables)
    remove_nat_gateways(network, nat.surplus, nat.surplus_addresses)
    ensure_flow_logs(network)
    wait_for_endpoints(network, pending)
    vpc = {"vpc_id": network.vpc_id, "cidr": network.params["cidr"], "ipv6_cidr": ipv6_cidr}
    return network.result(vpc=vpc, subnets=subnets)


def ensure_vpc_itself(network: Network, found: Fields | None) -> str | None:
    """Create the VPC, or bring it up to date; return its IPv6 network if it has one."""
    cidr, ipv6 = network.params["cidr"], network.params["ipv6"]
    ipv6_now = ipv6_block(found)
    attributes = read_attributes(network)
    now = {"cidr": cidr, "ipv6": ipv6_now is not None, **attributes}
    wanted = {**now, "ipv6": ipv6 or now["ipv6"], **dict.fromkeys(ATTRIBUTES, True)}

    def create(**tags: list[Fields]) -> Fields:
        vpc: Fields = network.ec2.create_vpc(
            CidrBlock=cidr, AmazonProvidedIpv6CidrBlock=ipv6, **tags
        )["Vpc"]
        return vpc

    network.vpc_id = network.keep(VPC, network.name, found, now, wanted, create)
    if network.aws.check_mode:
        return ipv6_now
    for field, attribute in ATTRIBUTES.items():
        # DNS support first: DNS host names need it.
        if not attributes[field]:
            value = {attribute: {"Value": True}}
            network.call("modify_vpc_attribute", VpcId=network.vpc_id, **value)
    if not ipv6 or ipv6_block(found, ("associated",)):
        return ipv6_now
    if found and ipv6_now is None:
        network.call(
            "associate_vpc_cidr_block", VpcId=network.vpc_id, AmazonProvidedIpv6CidrBlock=True
        )
    return wait_for_ipv6(network)


def read_attributes(network: Network) -> dict[str, bool]:
    """Return the DNS attributes of the VPC."""
    if not network.existed:
        return NEW_ATTRIBUTES
    return {
        field: network.ec2.describe_vpc_attribute(
            VpcId=network.vpc_id, Attribute=attribute[0].lower() + attribute[1:]
        )[attribute]["Value"]
        for field, attribute in ATTRIBUTES.items()
    }


def ipv6_block(
    vpc: Fields | None, states: tuple[str, ...] = ("associating", "associated")
) -> str | None:
    """Return the IPv6 network of a VPC if it is in one of these states; "" is one to come."""
    for block in (vpc or {}).get("Ipv6CidrBlockAssociationSet", []):
        if block["Ipv6CidrBlockState"]["State"] in states:
            return str(block.get("Ipv6CidrBlock", ""))
    return None


def wait_for_ipv6(network: Network) -> str:
    """Return the IPv6 network of the VPC once AWS has given it one."""
    filters = [{"Name": "vpc-id", "Values": [network.vpc_id]}]

    def associated() -> str | None:
        # A VPC that has just been created may not be described at once, so search for it.
        vpcs = network.ec2.describe_vpcs(Filters=filters)["Vpcs"]
        return ipv6_block(vpcs[0], ("associated",)) if vpcs else None

    return network.aws.until(associated, f"IPv6 network of {network.vpc_id}")
