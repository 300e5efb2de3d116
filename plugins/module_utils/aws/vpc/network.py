"""The network of one VPC as a run sees it: its calls, and its account of what changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    boto3_tag_specifications,
)

from ...changes import changes_of
from ..core import (
    Aws,
    AwsError,
    Fields,
    listed,
    tag_changes,
    tags_after,
)

Answer = TypeVar("Answer")

# Stands in check mode for the id of what does not exist yet.
PLANNED = "planned"
# Seconds until all of EC2 knows what was created or deleted, with some to spare.
SETTLING = 120
RETRY_INTERVAL = 2


class Kind(NamedTuple):
    """A kind of EC2 resource: CloudFormation's type, the type for tags, the field with its id."""

    type: str
    tag_type: str
    id: str


VPC = Kind("AWS::EC2::VPC", "vpc", "VpcId")


class Network:
    """A VPC by its name, and what the module does to it and its parts.

    Every part is made with its tags, and found again by its ``Name`` tag in the VPC, so that a
    run that was interrupted can be continued.
    """

    def __init__(self, aws: Aws, params: Fields) -> None:
        self.aws = aws
        self.params = params
        self.name: str = params["name"]
        self.ec2 = aws.client("ec2")
        self.region: str = self.ec2.meta.region_name
        self.vpc_id = PLANNED
        # Whether the VPC was there before this run; a new one has no parts to look for.
        self.existed = False
        self.changes: list[Fields] = []
        self.before: Fields = {}
        self.after: Fields = {}

    def find_vpc(self) -> Fields | None:
        """Return the VPC of this name, and remember its id.

        Raises:
            AwsError: two VPCs have the name.
        """
        filters = [{"Name": "tag:Name", "Values": [self.name]}]
        vpcs = listed(self.ec2, "describe_vpcs", "Vpcs", Filters=filters)
        if len(vpcs) > 1:
            ids = ", ".join(sorted(vpc["VpcId"] for vpc in vpcs))
            raise AwsError(f"name is {self.name}, and more than one VPC has this Name tag: {ids}")
        if not vpcs:
            return None
        self.vpc_id, self.existed = vpcs[0]["VpcId"], True
        return vpcs[0]

    def parts(
        self, method: str, key: str, filters: str = "Filters", by: str = "vpc-id"
    ) -> list[Fields]:
        """Return what EC2 lists in the VPC; some calls name the filter in a way of their own."""
        if not self.existed:
            return []
        return listed(self.ec2, method, key, **{filters: [{"Name": by, "Values": [self.vpc_id]}]})

    def record(self, kind: str, name: str, before: Fields, after: Fields) -> bool:
        """Note how a resource was and is to be, and tell whether that differs."""
        self.changes += changes_of(kind, name, before, after)
        for resource, resources in ((before, self.before), (after, self.after)):
            if resource:
                resources.setdefault(kind, {})[name] = resource
        return before != after

    def keep(
        self,
        kind: Kind,
        name: str,
        found: Fields | None,
        now: Fields,
        wanted: Fields,
        create: Callable[..., Fields],
        tags: dict[str, str] | None = None,
    ) -> str:
        """Create a resource with its tags, or bring the tags of the one found up to date.

        ``now`` and ``wanted`` are its other fields, which the caller looks after; ``tags`` are
        wanted beside those of the whole network. Returns the id.
        """
        current = tags_of(found)
        own = {**(self.params["tags"] or {}), **(tags or {}), "Name": name}
        # Without the option `tags` those that others have set are left alone.
        purge = self.params["purge_tags"] and self.params["tags"] is not None
        after = tags_after(current, {"tags": own, "purge_tags": purge}) or {}
        before = {**now, "tags": current} if found else {}
        self.record(kind.type, name, before, {**wanted, "tags": after})
        if found is None:
            if self.aws.check_mode:
                return PLANNED
            specification = boto3_tag_specifications(after, [kind.tag_type])
            return str(create(TagSpecifications=specification)[kind.id])
        if not self.aws.check_mode:
            self.retag(found[kind.id], current, after)
        return str(found[kind.id])

    def retag(self, resource: str, before: dict[str, str], after: dict[str, str]) -> None:
        """Bring the tags of a resource from ``before`` to ``after``."""
        changed, removed = tag_changes(before, after)
        if removed:
            keys = [{"Key": key} for key in removed]
            self.call("delete_tags", Resources=[resource], Tags=keys)
        if changed:
            tags = ansible_dict_to_boto3_tag_list(changed)
            self.call("create_tags", Resources=[resource], Tags=tags)

    def call(self, method: str, **request: Any) -> Fields:
        """Make a call of EC2, again where it does not yet know what has just been created."""
        call = partial(getattr(self.ec2, method), **request)
        return self.patiently(call, lambda code: "NotFound" in code)

    def delete(self, kind: Kind, found: Fields, method: str) -> None:
        """Delete a resource of EC2 by its id; see ``remove``."""
        call = partial(getattr(self.ec2, method), **{kind.id: found[kind.id]})
        self.remove(kind.type, name_of(found, kind.id), found[kind.id], call)

    def remove(self, kind: str, name: str, resource: str, delete: Callable[[], Any]) -> None:
        """Delete a resource; one that is gone already is no error, one still in use gets time."""
        self.record(kind, name, {"id": resource}, {})
        if not self.aws.check_mode:
            self.gone(delete)

    def gone(self, delete: Callable[[], Any]) -> None:
        """Make a call that deletes; see ``remove``."""
        from botocore.exceptions import ClientError

        try:
            self.patiently(delete, lambda code: "InUse" in code or code == "DependencyViolation")
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise

    def patiently(self, call: Callable[[], Answer], passing: Callable[[str], bool]) -> Answer:
        """Return the answer to a call; errors whose code is passing are waited out for a while."""
        from botocore.exceptions import ClientError

        deadline = self.aws.clock() + SETTLING
        while True:
            try:
                return call()
            except ClientError as error:
                if self.aws.clock() >= deadline or not passing(error.response["Error"]["Code"]):
                    raise
                self.aws.sleep(RETRY_INTERVAL)

    def result(self, **found: Any) -> Fields:
        """Return the module's result."""
        return {
            "changed": bool(self.changes),
            "changes": self.changes,
            "diff": {"before": self.before, "after": self.after},
            **found,
        }


def tags_of(resource: Fields | None) -> dict[str, str]:
    """Return the tags of a resource as EC2 describes it."""
    tags: dict[str, str] = boto3_tag_list_to_ansible_dict((resource or {}).get("Tags", []))
    return tags


def name_of(resource: Fields, id_field: str) -> str:
    """Return the ``Name`` tag of a resource, or else its id."""
    return tags_of(resource).get("Name") or str(resource[id_field])


def by_name(resources: list[Fields]) -> dict[str, Fields]:
    """Return resources by their ``Name`` tags; those without one are left out."""
    return {tags_of(resource).get("Name", ""): resource for resource in resources}
