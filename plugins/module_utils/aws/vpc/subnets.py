"""The subnets of a VPC: checked, created and tagged."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from itertools import combinations

from ..core import (
    AwsError,
    Fields,
    listed,
)
from .network import (
    Kind,
    Network,
)

SUBNET = Kind("AWS::EC2::Subnet", "subnet", "SubnetId")


def check_subnets(cidr: str, subnets: list[Fields], region: str) -> None:
    """Check the subnets against the VPC's network, the region and one another.

    Raises:
        AwsError: what does not fit, in the words of the options.
    """
    try:
        vpc = IPv4Network(cidr)
        networks = {subnet["cidr"]: IPv4Network(subnet["cidr"]) for subnet in subnets}
    except ValueError as error:
        raise AwsError(f"cidr: {error}") from error
    for subnet in subnets:
        if not networks[subnet["cidr"]].subnet_of(vpc):
            raise AwsError(f"subnets: {subnet['cidr']} is not within cidr, which is {cidr}")
        if not subnet["availability_zone"].startswith(region):
            raise AwsError(f"subnets: {subnet['availability_zone']} is not a zone of {region}")
    for one, other in combinations(subnets, 2):
        if networks[one["cidr"]].overlaps(networks[other["cidr"]]):
            raise AwsError(f"subnets: {one['cidr']} and {other['cidr']} overlap")


def describe_subnets(network: Network) -> dict[str, Fields]:
    """Return the subnets that the VPC has by their networks.

    Raises:
        AwsError: one is in another zone than asked for, and AWS cannot move it.
    """
    existing = {
        subnet["CidrBlock"]: subnet for subnet in network.parts("describe_subnets", "Subnets")
    }
    for subnet in network.params["subnets"]:
        found, zone = existing.get(subnet["cidr"]), subnet["availability_zone"]
        if found and found["AvailabilityZone"] != zone:
            raise AwsError(
                f"subnet {subnet['cidr']} ({found['SubnetId']}) is in "
                f"{found['AvailabilityZone']}, and AWS cannot move it to {zone}"
            )
    return existing


def ensure_subnets(
    network: Network, existing: dict[str, Fields], ipv6_cidr: str | None
) -> list[Fields]:
    """Create the subnets that are missing, tag all of them, and return them in their order."""
    free = free_ipv6_networks(ipv6_cidr, existing)
    subnets = [
        ensure_subnet(network, subnet, existing.get(subnet["cidr"]), free)
        for subnet in network.params["subnets"]
    ]
    if network.params["ipv6"] and not network.aws.check_mode:
        assign_addresses(
            network,
            [
                subnet["subnet_id"]
                for subnet in subnets
                if not assigns_addresses(existing.get(subnet["cidr"]))
            ],
        )
    return subnets


def ensure_subnet(
    network: Network, subnet: Fields, found: Fields | None, free: list[str]
) -> Fields:
    """Create or tag one subnet, and give it an IPv6 network where wanted."""
    fixed = {"cidr": subnet["cidr"], "availability_zone": subnet["availability_zone"]}
    ipv6, ipv6_now = network.params["ipv6"], ipv6_network(found) is not None
    # Without the option what is there stays.
    now = {**fixed, "ipv6": ipv6_now and (assigns_addresses(found) or not ipv6)}
    wanted = {**fixed, "ipv6": ipv6 or ipv6_now}

    def create(**tags: list[Fields]) -> Fields:
        block = {"Ipv6CidrBlock": free.pop(0)} if ipv6 else {}
        created: Fields = network.call(
            "create_subnet",
            VpcId=network.vpc_id,
            CidrBlock=subnet["cidr"],
            AvailabilityZone=subnet["availability_zone"],
            **block,
            **tags,
        )["Subnet"]
        return created

    subnet_id = network.keep(SUBNET, subnet["name"], found, now, wanted, create, subnet["tags"])
    if found and ipv6 and not ipv6_now and not network.aws.check_mode:
        network.call("associate_subnet_cidr_block", SubnetId=subnet_id, Ipv6CidrBlock=free.pop(0))
    return {
        "subnet_id": subnet_id,
        "name": subnet["name"],
        "public": subnet["public"],
        **fixed,
        "tags": network.after[SUBNET.type][subnet["name"]]["tags"],
    }


def assigns_addresses(subnet: Fields | None) -> bool:
    """Tell whether what starts in a subnet gets an IPv6 address."""
    return bool(subnet and subnet["AssignIpv6AddressOnCreation"])


def assign_addresses(network: Network, subnet_ids: list[str]) -> None:
    """Let what starts in these subnets get an IPv6 address, once their IPv6 networks are there."""
    if not subnet_ids:
        return
    filters = [{"Name": "subnet-id", "Values": subnet_ids}]

    def associated() -> bool | None:
        # One that has just been created may not be described at once, so search for it.
        found = listed(network.ec2, "describe_subnets", "Subnets", Filters=filters)
        ready = [subnet for subnet in found if ipv6_network(subnet, ("associated",))]
        return True if len(ready) == len(subnet_ids) else None

    network.aws.until(associated, f"IPv6 networks of {', '.join(subnet_ids)}")
    for subnet_id in subnet_ids:
        network.call(
            "modify_subnet_attribute",
            SubnetId=subnet_id,
            AssignIpv6AddressOnCreation={"Value": True},
        )


def ipv6_network(
    subnet: Fields | None, states: tuple[str, ...] = ("associating", "associated")
) -> str | None:
    """Return the IPv6 network of a subnet if it is in one of these states."""
    for block in (subnet or {}).get("Ipv6CidrBlockAssociationSet", []):
        if block["Ipv6CidrBlockState"]["State"] in states:
            return str(block["Ipv6CidrBlock"])
    return None


def free_ipv6_networks(ipv6_cidr: str | None, existing: dict[str, Fields]) -> list[str]:
    """Return the /64 networks of the VPC that no subnet has."""
    if not ipv6_cidr:
        return []
    taken = {ipv6_network(subnet) for subnet in existing.values()}
    networks = (str(network) for network in IPv6Network(ipv6_cidr).subnets(new_prefix=64))
    return [network for network in networks if network not in taken]


def zones_of(subnets: list[Fields], public: bool) -> dict[str, Fields]:
    """Return the first public or private subnet of each zone, zones in the order given."""
    zones: dict[str, Fields] = {}
    for subnet in subnets:
        if subnet["public"] == public:
            zones.setdefault(subnet["availability_zone"], subnet)
    return zones
