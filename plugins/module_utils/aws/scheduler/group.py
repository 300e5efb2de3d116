"""Schedule groups of EventBridge Scheduler, with all the schedules in them."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    listed,
    tag_changes,
    tags_after,
)
from .schedule import (
    Schedule,
    check_options,
)


def ensure_schedule_group(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a schedule group and its schedules.

    Raises:
        AwsError: an option has a value that EventBridge Scheduler would refuse, or two schedules
            have the same name.
    """
    absent = params["state"] == "absent"
    wanted = {} if absent else wanted_schedules(params)
    check_options({"name": params["name"], "group": params["name"], "state": "absent"})
    group = ScheduleGroup(aws, params)
    result = converge(group)

    stale = {"group": params["name"], "state": "absent"}
    options = [{**stale, "name": name} for name in group.members if name not in wanted]
    options += wanted.values()
    # With a group AWS deletes its schedules: they are only reported.
    member_aws = replace(aws, check_mode=True) if absent else aws
    arns: dict[str, str] = {}
    results = {
        each["name"]: converge(Member(member_aws, each, group.members, arns)) for each in options
    }
    return with_schedules(result, results)


def wanted_schedules(params: Fields) -> dict[str, Fields]:
    """Return the options of each schedule by its name.

    Raises:
        AwsError: a schedule has a value that it cannot have, or the name of another one.
    """
    schedules: dict[str, Fields] = {}
    for entry in params["schedules"]:
        if entry["name"] in schedules:
            raise AwsError(f"schedules has {entry['name']!r} more than once")
        schedules[entry["name"]] = {**entry, "group": params["name"], "state": "present"}
        check_options(schedules[entry["name"]])
    return schedules


def with_schedules(result: Fields, results: dict[str, Fields]) -> Fields:
    """Return the result of a group together with those of its schedules by their names."""
    diff: dict[str, Fields] = {}
    for side, fields in result["diff"].items():
        schedules = {name: each["diff"][side] for name, each in results.items()}
        there = {name: schedule for name, schedule in schedules.items() if schedule}
        diff[side] = {**fields, "schedules": there} if there else fields
    return {
        **result,
        "changed": result["changed"] or any(each["changed"] for each in results.values()),
        "changes": result["changes"] + [c for each in results.values() for c in each["changes"]],
        "schedules": [each["schedule"] for each in results.values() if each["schedule"]],
        "diff": diff,
    }


class ScheduleGroup(Resource):
    """A schedule group: at AWS it has the tags which its schedules cannot have.

    ``members`` are the names of the schedules that ``find`` met.
    """

    kind = "schedule_group"
    type = "AWS::Scheduler::ScheduleGroup"

    def __init__(self, aws: Aws, params: Fields) -> None:
        super().__init__(aws, params)
        self.members: list[str] = []

    def names(self) -> Fields:
        """Return the name."""
        return {"name": self.params["name"]}

    def describe(self) -> Fields | None:
        """Return the group as AWS describes it, also one whose deletion has begun."""
        scheduler = self.aws.client("scheduler")
        try:
            found = scheduler.get_schedule_group(Name=self.params["name"])
        except scheduler.exceptions.ResourceNotFoundException:
            return None
        return {key: value for key, value in found.items() if key != "ResponseMetadata"}

    def wait_until_gone(self) -> None:
        """Wait until the deletion of the group is done."""
        goal = f"schedule group {self.params['name']} deleted"
        self.aws.until(lambda: None if self.describe() else True, goal)

    def find(self) -> Fields | None:
        """Return the group; one that is being deleted counts as gone, once it is."""
        found = self.describe()
        if found and found["State"] == "DELETING":
            if not self.aws.check_mode:
                self.wait_until_gone()
            return None
        if found:
            scheduler, name = self.aws.client("scheduler"), self.params["name"]
            schedules = listed(scheduler, "list_schedules", "Schedules", GroupName=name)
            self.members = sorted(schedule["Name"] for schedule in schedules)
        return found

    def view(self, current: Fields) -> Fields:
        """Return the name, which makes a group without tags something, and tags if managed."""
        view = self.names()
        if self.params["tags"] is None:
            return view
        tags = self.aws.client("scheduler").list_tags_for_resource(ResourceArn=current["Arn"])
        return {**view, "tags": boto3_tag_list_to_ansible_dict(tags["Tags"])}

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        return given(**self.names(), tags=tags_after(view.get("tags", {}), self.params))

    def create(self, wanted: Fields) -> Fields:
        """Create the group."""
        tags = ansible_dict_to_boto3_tag_list(wanted.get("tags", {}))
        scheduler = self.aws.client("scheduler")
        scheduler.create_schedule_group(Name=self.params["name"], Tags=tags)
        return self.names()

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Change the tags."""
        tags, removed = tag_changes(before["tags"], wanted["tags"])
        scheduler, arn = self.aws.client("scheduler"), current["Arn"]
        if removed:
            scheduler.untag_resource(ResourceArn=arn, TagKeys=removed)
        if tags:
            scheduler.tag_resource(ResourceArn=arn, Tags=ansible_dict_to_boto3_tag_list(tags))
        return current

    def delete(self, current: Fields) -> None:
        """Delete the group with its schedules."""
        self.aws.client("scheduler").delete_schedule_group(Name=self.params["name"])
        self.wait_until_gone()


class Member(Schedule):
    """A schedule in a group whose schedules are known by name; ``arns`` remembers roles' ARNs."""

    def __init__(self, aws: Aws, params: Fields, members: list[str], arns: dict[str, str]) -> None:
        super().__init__(aws, params)
        self.members = members
        self.arns = arns

    def find(self) -> Fields | None:
        """Return the schedule, for whose deletion nothing but its name is needed."""
        if self.params["name"] not in self.members:
            return None
        return self.names() if self.params["state"] == "absent" else super().find()

    def role_arn(self, role: str) -> str:
        """Return the ARN of a role, for which AWS is asked once."""
        if role not in self.arns:
            self.arns[role] = super().role_arn(role)
        return self.arns[role]
