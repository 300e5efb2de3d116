"""What resources at AWS cost, by a table of prices.

The table is ``roles/cost_control/files/prices.yml``. Use that has no fixed amount, such as data
through a NAT gateway, is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict

HOURS_PER_MONTH = 730
GIB = 2**30

Properties = Mapping[str, Any]
Prices = Mapping[str, float]


class Resource(TypedDict):
    """A resource by CloudFormation's type; what its properties may be, ``CHARGES`` says."""

    type: str
    name: str
    properties: Properties


class Charge(NamedTuple):
    """A part of what a resource costs: so many units of a price, which may be in no table."""

    price: str
    quantity: float

    def hourly(self, prices: Prices) -> float | None:
        """Return what it costs in an hour, or None where the price is not known."""
        if self.quantity == 0:
            return 0.0
        price = prices.get(self.price)
        if price is None:
            return None
        per_month = self.price.partition(" ")[0].endswith("_month")
        return self.quantity * price / (HOURS_PER_MONTH if per_month else 1)


def prices_in(table: Mapping[str, Any], region: str) -> Prices:
    """Return the prices of a region by name; those of instances have their type behind a space.

    Of a region that is not in the table only the prices are known which are the same everywhere.
    """
    prices = {**table["everywhere"], **table["regions"].get(region, {})}
    instances: Mapping[str, float] = prices.pop("instance_hour", {})
    fraction = table["assumptions"]["spot_fraction"]
    for name, price in instances.items():
        prices[f"instance_hour {name}"] = price
        prices[f"spot_instance_hour {name}"] = price * fraction
    return prices


def nodes(properties: Properties) -> list[Charge]:
    """Return the charges for the nodes of a group, in the words of the module eks_nodegroup.

    They are those of its first instance type, and of the desired number of nodes.
    """
    number = properties.get("desired_size")
    if number is None:
        number = properties.get("min_size") or 0
    spot = "spot_" if properties.get("capacity_type") == "SPOT" else ""
    instance_types = properties.get("instance_types") or ["of unknown type"]
    template = properties.get("launch_template") or {}
    # Without a size EKS makes root volumes of 20 GiB.
    disk_size = template.get("disk_size") or properties.get("disk_size") or 20
    return [
        Charge(f"{spot}instance_hour {instance_types[0]}", number),
        Charge("gp3_gib_month", number * disk_size),
    ]


def control_plane(properties: Properties) -> list[Charge]:
    """Return the charge for a cluster; ``extended_support``: its version is in that now."""
    extended = "_extended_support" if properties.get("extended_support") else ""
    return [Charge(f"eks_cluster{extended}_hour", 1)]


def endpoint(properties: Properties) -> list[Charge]:
    """Return the charges for a VPC endpoint, by its ``type`` and ``subnet_ids``."""
    if str(properties.get("type", "Gateway")).lower() == "gateway":
        return []
    return [Charge("interface_endpoint_hour", len(properties.get("subnet_ids") or [""]))]


def load_balancer(properties: Properties) -> list[Charge]:
    """Return the charge for a load balancer, by its ``type``."""
    return [Charge(f"{properties.get('type', 'application')}_load_balancer_hour", 1)]


def stored(price: str) -> Callable[[Properties], list[Charge]]:
    """Return the charges of what costs by its size: ``size`` in GiB, or ``stored_bytes``."""

    def charges(properties: Properties) -> list[Charge]:
        size = properties.get("size", properties.get("stored_bytes", 0) / GIB)
        return [Charge(price, size)]

    return charges


def fixed(*prices: str) -> Callable[[Properties], list[Charge]]:
    """Return the charges of what costs the same whatever its properties are."""
    return lambda _properties: [Charge(price, 1) for price in prices]


CHARGES: dict[str, Callable[[Properties], list[Charge]]] = {
    "AWS::EC2::EIP": fixed("public_ipv4_hour"),
    "AWS::EC2::Instance": lambda properties: nodes(
        {"instance_types": [properties.get("instance_type", "of unknown type")], "desired_size": 1}
    )[:1],
    "AWS::EC2::NatGateway": fixed("nat_gateway_hour"),
    "AWS::EC2::Snapshot": stored("snapshot_gib_month"),
    "AWS::EC2::VPCEndpoint": endpoint,
    "AWS::EC2::Volume": stored("gp3_gib_month"),
    "AWS::ECR::Repository": stored("ecr_gib_month"),
    "AWS::EKS::Cluster": control_plane,
    "AWS::EKS::Nodegroup": nodes,
    "AWS::ElasticLoadBalancing::LoadBalancer": fixed("classic_load_balancer_hour"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancer,
    "AWS::KMS::Key": fixed("kms_key_month"),
    "AWS::Logs::LogGroup": stored("log_gib_month"),
}
# What AWS asks nothing for, whatever its number and properties; what it leads to is counted there.
FREE = frozenset(
    {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::Budgets::Budget",
        "AWS::EC2::EgressOnlyInternetGateway",
        "AWS::EC2::FlowLog",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::NetworkInterface",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::EKS::AccessEntry",
        "AWS::EKS::Addon",
        "AWS::EKS::PodIdentityAssociation",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::OIDCProvider",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Scheduler::Schedule",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SNS::Topic",
    }
)


def charges_of(resource: Resource) -> list[Charge] | None:
    """Return what a resource is charged for, or None where its type is not known."""
    if resource["type"] in FREE:
        return []
    charges = CHARGES.get(resource["type"])
    return charges(resource["properties"]) if charges else None


def hourly_price(resource: Resource, prices: Prices) -> float | None:
    """Return what a resource costs in an hour, or None where a price or its type is not known."""
    charges = charges_of(resource)
    if charges is None:
        return None
    parts = [charge.hourly(prices) for charge in charges]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
