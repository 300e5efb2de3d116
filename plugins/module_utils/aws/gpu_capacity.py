"""Whether EC2 can launch instances with GPUs: their types, the zones that offer them, the quota."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .core import (
    Aws,
    AwsError,
    Fields,
    listed,
)

# Service Quotas' codes of the limits on vCPUs, by the letters at the start of an instance type.
# The longest start of a type's name counts.
QUOTA_CODES = {
    "ON_DEMAND": {"g": "L-DB2E81BA", "vt": "L-DB2E81BA", "p": "L-417A185B"},
    "SPOT": {"g": "L-3819A6DF", "vt": "L-3819A6DF", "p": "L-7212CCBC", "p5": "L-C4BD4855"},
}
GPU_MAKER = "NVIDIA"


class Demand(NamedTuple):
    """What a node group may come to need: so many instances of one of the types."""

    instance_types: list[str]
    capacity_type: str
    max_size: int


def gpu_capacity(aws: Aws, params: Fields) -> Fields:
    """Return what EC2 says of the types, or refuse them: see ``check_gpu_capacity``."""
    zones = params["availability_zones"]
    return {"changed": False, **check_gpu_capacity(aws, demand_of(params), zones)}


def demand_of(params: Fields) -> Demand:
    """Return the demand in a module's options; EKS takes On-Demand capacity unless told."""
    capacity_type = params["capacity_type"] or "ON_DEMAND"
    return Demand(params["instance_types"], capacity_type, params["max_size"])


def check_gpu_capacity(aws: Aws, demand: Demand, zones: Collection[str] | None = None) -> Fields:
    """Return GPUs, zones and quotas of the types; without ``zones`` any of the region will do.

    Raises:
        AwsError: a type has no NVIDIA GPU or is offered in none of the zones, or a quota is too
            small for the highest number of instances.
    """
    described = describe_types(aws, demand.instance_types)
    offers = offered_zones(aws, demand.instance_types)
    for name in demand.instance_types:
        check_type(name, described.get(name), offers.get(name, []), zones)
    types = [{**described[name], "zones": offers[name]} for name in demand.instance_types]
    quotas = [check_quota(aws, code, need) for code, need in needs(types, demand).items()]
    return {"instance_types": types, "quotas": quotas}


def describe_types(aws: Aws, names: list[str]) -> dict[str, Fields]:
    """Return vCPUs and GPUs of those instance types that the region has."""
    filters = [{"Name": "instance-type", "Values": names}]
    types = listed(aws.client("ec2"), "describe_instance_types", "InstanceTypes", Filters=filters)
    return {each["InstanceType"]: type_view(each) for each in types}


def type_view(described: Fields) -> Fields:
    """Return what matters here of a described instance type; memory is in MiB."""
    info = described.get("GpuInfo", {})
    gpus = [gpu for gpu in info.get("Gpus", []) if gpu.get("Manufacturer") == GPU_MAKER]
    return {
        "name": described["InstanceType"],
        "vcpus": described["VCpuInfo"]["DefaultVCpus"],
        "gpus": sum(gpu["Count"] for gpu in gpus),
        "gpu_memory": sum(gpu["Count"] * gpu["MemoryInfo"]["SizeInMiB"] for gpu in gpus),
    }


def offered_zones(aws: Aws, names: list[str]) -> dict[str, list[str]]:
    """Return the availability zones that offer each of the instance types."""
    offers = listed(
        aws.client("ec2"),
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": names}],
    )
    zones: dict[str, list[str]] = {}
    for offer in sorted(offers, key=lambda offer: str(offer["Location"])):
        zones.setdefault(offer["InstanceType"], []).append(offer["Location"])
    return zones


def zones_of(aws: Aws, subnets: list[str]) -> set[str]:
    """Return the availability zones of subnets."""
    described = listed(aws.client("ec2"), "describe_subnets", "Subnets", SubnetIds=subnets)
    return {subnet["AvailabilityZone"] for subnet in described}


def check_type(
    name: str, described: Fields | None, offered: list[str], zones: Collection[str] | None
) -> None:
    """Refuse a type that cannot be launched, or has no GPU.

    Raises:
        AwsError: the region lacks it, it has no NVIDIA GPU, or none of the zones offers it.
    """
    if described is None:
        raise AwsError(f"instance_types: EC2 has no {name} in this region")
    if not described["gpus"]:
        raise AwsError(f"instance_types: {name} has no {GPU_MAKER} GPU")
    if not offered or (zones and not set(offered) & set(zones)):
        asked = ", ".join(sorted(zones or ())) or "this region"
        raise AwsError(
            f"instance_types: EC2 offers {name} in no zone of {asked}, but in: "
            f"{', '.join(offered) or 'none'}"
        )


def needs(types: list[Fields], demand: Demand) -> dict[str, Fields]:
    """Return, by code, what each quota must allow if all instances are of its largest type."""
    largest: dict[str, Fields] = {}
    for each in types:
        code = quota_code(each["name"], demand.capacity_type)
        if code and each["vcpus"] > largest.get(code, {"vcpus": 0})["vcpus"]:
            largest[code] = each
    return {
        code: {
            "needed": demand.max_size * each["vcpus"],
            "reason": f"{demand.max_size} {each['name']}",
        }
        for code, each in largest.items()
    }


def quota_code(instance_type: str, capacity_type: str) -> str | None:
    """Return the code of the quota that counts an instance type, where it is known."""
    # Capacity that is reserved in blocks counts against none of them.
    codes = QUOTA_CODES.get(capacity_type, {})
    starts = [start for start in codes if instance_type.startswith(start)]
    return codes[max(starts, key=len)] if starts else None


def check_quota(aws: Aws, code: str, need: Fields) -> Fields:
    """Return a quota of EC2 with what is needed of it.

    Raises:
        AwsError: it is too small.
    """
    client = aws.client("service-quotas")
    quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]
    needed = need["needed"]
    if quota["Value"] < needed:
        raise AwsError(
            f'max_size: {need["reason"]} need {needed} vCPUs, but the quota "{quota["QuotaName"]}" '
            f"({code}) is {quota['Value']:g}; ask for more in the Service Quotas console or by: "
            "aws service-quotas request-service-quota-increase --service-code ec2 "
            f"--quota-code {code} --desired-value {needed}"
        )
    return {
        "code": code,
        "name": quota["QuotaName"],
        "value": int(quota["Value"]),
        "needed": needed,
    }
