"""Instance types and quotas of the tests, and what AWS is expected to be asked about them."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Fields

from support.scripted_aws import ScriptedAws

# vCPUs, GPUs and their maker.
TYPES = {
    "g4dn.xlarge": (4, 1, "NVIDIA"),
    "g4dn.12xlarge": (48, 4, "NVIDIA"),
    "g4ad.xlarge": (4, 1, "AMD"),
    "p3.2xlarge": (8, 1, "NVIDIA"),
    "t3.large": (2, 0, ""),
}


def described(name: str) -> Fields:
    """Return an instance type as EC2 describes it."""
    vcpus, gpus, maker = TYPES[name]
    gpu = {"Manufacturer": maker, "Count": gpus, "MemoryInfo": {"SizeInMiB": 16384}}
    info = {"GpuInfo": {"Gpus": [gpu]}} if gpus else {}
    return {"InstanceType": name, "VCpuInfo": {"DefaultVCpus": vcpus}, **info}


def expect_types(
    script: ScriptedAws, *asked: str, zones: tuple[str, ...] = ("eu-west-1b", "eu-west-1a")
) -> None:
    """Expect a look at the types and at their offers, which are in these zones."""
    filters = [{"Name": "instance-type", "Values": list(asked)}]
    known = [name for name in asked if name in TYPES]
    answer: Fields = {"InstanceTypes": [described(name) for name in known]}
    script.answer("ec2", "describe_instance_types", answer, Filters=filters)
    offers = [{"InstanceType": name, "Location": zone} for name in known for zone in zones]
    script.answer(
        "ec2",
        "describe_instance_type_offerings",
        {"InstanceTypeOfferings": offers},
        LocationType="availability-zone",
        Filters=filters,
    )


def expect_quota(script: ScriptedAws, code: str, name: str, value: float) -> None:
    """Expect a look at a quota."""
    quota = {"QuotaCode": code, "QuotaName": name, "Value": value}
    script.answer(
        "service-quotas",
        "get_service_quota",
        {"Quota": quota},
        ServiceCode="ec2",
        QuotaCode=code,
    )
