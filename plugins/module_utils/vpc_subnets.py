"""The subnets of a VPC: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    boto3_tag_specifications,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    AwsError,
    Fields,
    listed,
    tag_changes,
    tags_after,
)


def ensure_subnets(aws: Aws, params: Fields) -> Fields:
    """Create the subnets that are missing, and tag them all as asked.

    Raises:
        AwsError: a subnet is in another zone than asked for, or does not become available.
    """
    ec2 = aws.client("ec2")
    current = describe_subnets(ec2, params["vpc_id"])
    cidrs = [subnet["cidr"] for subnet in params["subnets"]]
    before = {cidr: current[cidr] for cidr in cidrs if cidr in current}
    after = {
        subnet["cidr"]: wanted_subnet(subnet, before.get(subnet["cidr"]), params["purge_tags"])
        for subnet in params["subnets"]
    }
    if not aws.check_mode:
        for cidr, wanted in after.items():
            if cidr not in before:
                wanted["subnet_id"] = create_subnet(ec2, params["vpc_id"], wanted)
            else:
                retag(ec2, wanted["subnet_id"], before[cidr]["tags"], wanted["tags"])
        created = [after[cidr]["subnet_id"] for cidr in after if cidr not in before]
        if created and aws.wait:
            aws.until(lambda: available(ec2, created), f"subnets {', '.join(created)} available")
    return {
        "changed": before != after,
        "subnets": list(after.values()),
        "diff": {"before": before, "after": after},
    }


def describe_subnets(ec2: Any, vpc_id: str) -> dict[str, Fields]:
    """Return the subnets of a VPC by their networks; a VPC that does not exist has none."""
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    return {
        subnet["CidrBlock"]: {
            "subnet_id": subnet["SubnetId"],
            "cidr": subnet["CidrBlock"],
            "availability_zone": subnet["AvailabilityZone"],
            "tags": boto3_tag_list_to_ansible_dict(subnet.get("Tags", [])),
        }
        for subnet in listed(ec2, "describe_subnets", "Subnets", Filters=filters)
    }


def wanted_subnet(subnet: Fields, current: Fields | None, purge_tags: bool) -> Fields:
    """Return a subnet as it is to be; one that does not exist yet has no id.

    Raises:
        AwsError: it exists in another zone, and AWS cannot move it.
    """
    zone = subnet["availability_zone"]
    if current and current["availability_zone"] != zone:
        raise AwsError(
            f"subnet {subnet['cidr']} ({current['subnet_id']}) is in "
            f"{current['availability_zone']}, and AWS cannot move it to {zone}"
        )
    tags = {"tags": subnet["tags"], "purge_tags": purge_tags}
    return {
        "subnet_id": current["subnet_id"] if current else None,
        "cidr": subnet["cidr"],
        "availability_zone": zone,
        "tags": tags_after(current["tags"] if current else {}, tags),
    }


def create_subnet(ec2: Any, vpc_id: str, wanted: Fields) -> str:
    """Create a subnet and return its id."""
    request: Fields = {
        "VpcId": vpc_id,
        "CidrBlock": wanted["cidr"],
        "AvailabilityZone": wanted["availability_zone"],
    }
    if wanted["tags"]:
        request["TagSpecifications"] = boto3_tag_specifications(wanted["tags"], ["subnet"])
    return str(ec2.create_subnet(**request)["Subnet"]["SubnetId"])


def available(ec2: Any, subnet_ids: list[str]) -> bool | None:
    """Tell whether all these subnets are available; None if not yet."""
    # A subnet that has just been created may not be described at once, so search for it.
    filters = [{"Name": "subnet-id", "Values": subnet_ids}]
    subnets = ec2.describe_subnets(Filters=filters)["Subnets"]
    ready = {subnet["SubnetId"] for subnet in subnets if subnet["State"] == "available"}
    return True if ready == set(subnet_ids) else None


def retag(ec2: Any, subnet_id: str, before: dict[str, str], after: dict[str, str]) -> None:
    """Bring the tags of a subnet from ``before`` to ``after``."""
    changed, removed = tag_changes(before, after)
    if removed:
        ec2.delete_tags(Resources=[subnet_id], Tags=[{"Key": key} for key in removed])
    if changed:
        ec2.create_tags(Resources=[subnet_id], Tags=ansible_dict_to_boto3_tag_list(changed))
