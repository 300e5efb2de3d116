"""What the emulated EKS refuses in a node group."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from moto.ec2.models import EC2Backend
from moto.eks.exceptions import InvalidParameterException

from .versions import VERSIONS, minor_of

RESERVED_PREFIXES = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")
MAX_TAINTS = 50
# The last minor version of Kubernetes that has images of Amazon Linux 2.
LAST_AL2_MINOR = 32


def refuse(message: str) -> None:
    """Refuse a request for one of its parameters."""
    raise InvalidParameterException(message=message)


@cache
def ami_types() -> list[str]:
    """Return the AMI types that EKS knows, out of botocore's description of the service."""
    # No client, which would look for credentials, and without any ask EC2's metadata service.
    shapes = botocore.session.get_session().get_service_model("eks")
    return [str(ami_type) for ami_type in shapes.shape_for("AMITypes").enum]


def check_ami_type(ami_type: str, kubernetes: str) -> None:
    """Refuse an AMI type that there is not, or not for this version of Kubernetes."""
    if ami_type not in ami_types():
        refuse(f"The AMI type {ami_type} does not exist")
    if ami_type.startswith("AL2_") and minor_of(kubernetes) > LAST_AL2_MINOR:
        refuse(
            f"AMI Type {ami_type} is only supported for kubernetes versions "
            f"1.{LAST_AL2_MINOR} or earlier"
        )


def check_scaling(scaling: dict[str, int]) -> None:
    """Refuse sizes that are out of order; that maxSize is at least 1 is in the API's model."""
    low, desired, high = (scaling[size] for size in ("minSize", "desiredSize", "maxSize"))
    if not low <= desired <= high:
        refuse(f"Sizes must be minSize <= desiredSize <= maxSize: {scaling}")


def check_labels(labels: dict[str, str]) -> None:
    """Refuse labels that are Kubernetes' own, and such that it would not take."""
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        reserved = [each for each in RESERVED_PREFIXES if f"{prefix}{slash}".endswith(each)]
        if reserved:
            refuse(f"Label cannot contain reserved prefixes {reserved}: {key}")
        if len(name) > 63 or len(value) > 63:
            refuse(f"Label keys and values must have at most 63 characters: {key}")


def check_taints(taints: list[dict[str, Any]]) -> None:
    """Refuse too many taints, and two of the same key and effect."""
    if len(taints) > MAX_TAINTS:
        refuse(f"The number of taints must be at most {MAX_TAINTS}, got {len(taints)}")
    names = [(taint["key"], taint["effect"]) for taint in taints]
    if len(set(names)) < len(names):
        refuse("Taints must have unique combinations of key and effect")


def check_instance_types(ec2: EC2Backend, types: list[str], ami_type: str) -> None:
    """Refuse types that EC2 does not have, and such of another architecture than the image."""
    known = {each["InstanceType"]: each for each in ec2.describe_instance_types()}
    if absent := [each for each in types if each not in known]:
        refuse(f"The following supplied instance types do not exist: [{', '.join(absent)}]")
    if ami_type == "CUSTOM":
        return
    architecture = "arm64" if "ARM_64" in ami_type else "x86_64"
    for each in types:
        if architecture not in known[each]["ProcessorInfo"]["SupportedArchitectures"]:
            refuse(f"[{each}] is not a valid instance type for requested amiType {ami_type}")


def check_version(version: str, cluster: str, current: str | None = None) -> None:
    """Refuse a version that is none, newer than the cluster's, or older than the nodes' own."""
    if version not in VERSIONS:
        refuse(f"unsupported Kubernetes version {version}")
    if minor_of(version) > minor_of(cluster):
        refuse(
            f"Nodegroup Kubernetes version {version} cannot be newer than the cluster's {cluster}"
        )
    if current and minor_of(version) < minor_of(current):
        refuse(f"Nodegroup Kubernetes version cannot go back from {current} to {version}")
