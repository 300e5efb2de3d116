"""IAM roles with their policies: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

import re

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from ...changes import changes_of
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
from .policy import (
    canonical,
    policy_arns,
    policy_size,
    policy_text,
)

NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
PATH = re.compile(r"/([!-.0-~]+/)*")
# Characters of all inline policies of a role together; IAM does not count white space.
INLINE_LIMIT = 10_240
SESSION_SECONDS = (3_600, 43_200)
# The most that IAM gives in one answer.
PAGE = {"PageSize": 1000}
# What the result tells of a role; the rest is in the options, and in the diff.
SHOWN = ("role_name", "role_id", "arn", "path")


def ensure_roles(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete roles, and report them together.

    Raises:
        AwsError: an option has a value that IAM would refuse, or a role is somebody else's.
    """
    check_options(params)
    shared = {key: params[key] for key in ("state", "tags", "purge_tags")}
    wanted = [{**shared, **given(**role)} for role in params["roles"]]
    found = find_roles(aws, [role["name"] for role in wanted])
    for role in found.values():
        check_owner(role, params["owner_tags"] or {})
    resources = [Role(aws, role, found.get(role["name"])) for role in wanted]
    for resource in resources:
        resource.check_path()
    results = {resource.params["name"]: resource.ensure() for resource in resources}
    return {
        "changed": any(result["changed"] for result in results.values()),
        "changes": [change for result in results.values() for change in result["changes"]],
        "roles": [result["role"] for result in results.values() if result["role"]],
        "diff": {
            side: {name: result["diff"][side] for name, result in results.items()}
            for side in ("before", "after")
        },
    }


def check_options(params: Fields) -> None:
    """Refuse what IAM would refuse.

    Raises:
        AwsError: an option has a value that it cannot have; the message names the role and both.
    """
    names = [role["name"] for role in params["roles"]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(f"roles names {', '.join(twice)} twice; each role may be there once")
    for role in params["roles"]:
        if not NAME.fullmatch(role["name"]):
            raise AwsError(
                f"name is {role['name']!r}; it must be 1 to 64 letters, digits or characters of "
                "'_+=,.@-'"
            )
        if not PATH.fullmatch(role["path"]):
            raise AwsError(
                f"path of {role['name']} is {role['path']!r}; it must begin and end with a slash"
            )
        shortest, longest = SESSION_SECONDS
        if not shortest <= role["max_session_duration"] <= longest:
            raise AwsError(
                f"max_session_duration of {role['name']} is {role['max_session_duration']}; it "
                f"must be {shortest} to {longest} seconds"
            )
        for title, policy in policies_of(role):
            if not {"Version", "Statement"} <= set(policy):
                raise AwsError(f"{title} of {role['name']} lacks Version or Statement")
        size = sum(map(policy_size, role["inline_policies"].values()))
        if size > INLINE_LIMIT:
            raise AwsError(
                f"inline_policies of {role['name']} have {size} characters; IAM takes at most "
                f"{INLINE_LIMIT}"
            )


def policies_of(role: Fields) -> list[tuple[str, Fields]]:
    """Return the policies of an entry of the options, each with what messages call it."""
    inline = [(f"inline policy {name}", policy) for name, policy in role["inline_policies"].items()]
    return [("assume_role_policy", role["assume_role_policy"]), *inline]


def find_roles(aws: Aws, names: list[str]) -> dict[str, Fields]:
    """Return those of the named roles that exist, with all that is theirs.

    Two calls describe up to a thousand roles: ListRoles knows description and session duration,
    GetAccountAuthorizationDetails policies and tags. Asked for one by one, each role would cost
    four calls and one more for each inline policy. Both read the whole account, also where it
    has hundreds of roles of others; that is a few pages, still far fewer calls.

    Raises:
        AwsError: IAM lists a new role and cannot describe it yet.
    """
    iam = aws.client("iam")
    roles = listed(iam, "list_roles", "Roles", PaginationConfig=PAGE)
    found = {role["RoleName"]: role for role in roles if role["RoleName"] in names}
    if not found:
        return {}
    details = {
        role["RoleName"]: role
        for role in listed(
            iam,
            "get_account_authorization_details",
            "RoleDetailList",
            Filter=["Role"],
            PaginationConfig=PAGE,
        )
    }
    if unknown := sorted(set(found) - set(details)):
        raise AwsError(f"IAM cannot describe {', '.join(unknown)} yet; run this again in a minute")
    return {name: {**role, **details[name]} for name, role in found.items()}


def tags_of(role: Fields) -> dict[str, str]:
    """Return the tags of a role as a dictionary."""
    tags: dict[str, str] = boto3_tag_list_to_ansible_dict(role.get("Tags", []))
    return tags


def check_owner(role: Fields, owner_tags: dict[str, str]) -> None:
    """Refuse a role that lacks one of the owner's tags.

    Raises:
        AwsError: it does; the message says how to take it over.
    """
    tags = tags_of(role)
    lacking = {key: str(value) for key, value in owner_tags.items() if tags.get(key) != str(value)}
    if not lacking:
        return
    name = role["RoleName"]
    pairs = " ".join(f"Key={key},Value={value}" for key, value in lacking.items())
    raise AwsError(
        f"there is a role {name} already, and it does not carry the owner's tags "
        f"({', '.join(f'{key}={value}' for key, value in lacking.items())}), so it is left alone. "
        f"Give another name, or take the role over with all that it has: "
        f"aws iam tag-role --role-name {name} --tags {pairs}"
    )


class Role(Resource):
    """A role; it has exactly the policies that the options name."""

    kind = "role"
    type = "AWS::IAM::Role"

    def __init__(self, aws: Aws, params: Fields, found: Fields | None) -> None:
        super().__init__(aws, params)
        self.found = found
        self.key = {"RoleName": params["name"]}

    def names(self) -> Fields:
        """Return the name."""
        return {"role_name": self.params["name"]}

    def find(self) -> Fields | None:
        """Return the role as ``find_roles`` has found it."""
        return self.found

    def check_path(self) -> None:
        """Refuse another path.

        Raises:
            AwsError: the role exists with one.
        """
        if self.found and self.found["Path"] != self.params["path"]:
            raise AwsError(
                f"path of {self.params['name']} is {self.params['path']}, but the role has "
                f"{self.found['Path']}, which IAM cannot change; delete it first"
            )

    def ensure(self) -> Fields:
        """Make the role what the options say; name the instance profiles that end with it."""
        result = converge(self)
        role = {key: value for key, value in result["role"].items() if key in SHOWN}
        ended = self.profiles() if self.params["state"] == "absent" else []
        profiles = [
            change
            for name in ended
            for change in changes_of("AWS::IAM::InstanceProfile", name, {"name": name}, {})
        ]
        return {**result, "role": role, "changes": profiles + result["changes"]}

    def profiles(self) -> list[str]:
        """Return the names of the instance profiles of the role."""
        profiles = self.found["InstanceProfileList"] if self.found else []
        return [profile["InstanceProfileName"] for profile in profiles]

    def view(self, current: Fields) -> Fields:
        """Return all that a role can be given."""
        return {
            "description": current.get("Description", ""),
            "assume_role_policy": canonical(current["AssumeRolePolicyDocument"]),
            "managed_policies": sorted(
                policy["PolicyArn"] for policy in current["AttachedManagedPolicies"]
            ),
            "inline_policies": {
                policy["PolicyName"]: canonical(policy["PolicyDocument"])
                for policy in current["RolePolicyList"]
            },
            "max_session_duration": current["MaxSessionDuration"],
            "permissions_boundary": current.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
            "tags": tags_of(current),
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        return given(
            description=self.params["description"],
            assume_role_policy=canonical(self.params["assume_role_policy"]),
            managed_policies=policy_arns(self.params["managed_policies"]),
            inline_policies={
                name: canonical(policy) for name, policy in self.params["inline_policies"].items()
            },
            max_session_duration=self.params["max_session_duration"],
            permissions_boundary=self.params.get("permissions_boundary"),
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the role with its tags, then give it its policies."""
        request = given(
            **self.key,
            Path=self.params["path"],
            Description=wanted["description"],
            AssumeRolePolicyDocument=policy_text(self.params["assume_role_policy"]),
            MaxSessionDuration=wanted["max_session_duration"],
            PermissionsBoundary=wanted.get("permissions_boundary"),
            Tags=ansible_dict_to_boto3_tag_list(wanted.get("tags") or {}),
        )
        role: Fields = self.aws.client("iam").create_role(**request)["Role"]
        self.set_managed_policies([], wanted["managed_policies"])
        self.set_inline_policies({}, wanted["inline_policies"])
        return role

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send what changed; a boundary first, so that new policies never work without it."""
        iam = self.aws.client("iam")
        if "permissions_boundary" in changed:
            boundary = wanted["permissions_boundary"]
            iam.put_role_permissions_boundary(**self.key, PermissionsBoundary=boundary)
        if changed & {"description", "max_session_duration"}:
            iam.update_role(
                **self.key,
                Description=wanted["description"],
                MaxSessionDuration=wanted["max_session_duration"],
            )
        if "assume_role_policy" in changed:
            trust = policy_text(self.params["assume_role_policy"])
            iam.update_assume_role_policy(**self.key, PolicyDocument=trust)
        self.set_managed_policies(before["managed_policies"], wanted["managed_policies"])
        self.set_inline_policies(before["inline_policies"], wanted["inline_policies"])
        tags, removed = tag_changes(before.get("tags", {}), wanted.get("tags", {}))
        if removed:
            iam.untag_role(**self.key, TagKeys=removed)
        if tags:
            iam.tag_role(**self.key, Tags=ansible_dict_to_boto3_tag_list(tags))
        return current

    def set_managed_policies(self, before: list[str], after: list[str]) -> None:
        """Attach what is new, then detach what is not wanted."""
        iam = self.aws.client("iam")
        for arn in sorted(set(after) - set(before)):
            iam.attach_role_policy(**self.key, PolicyArn=arn)
        for arn in sorted(set(before) - set(after)):
            iam.detach_role_policy(**self.key, PolicyArn=arn)

    def set_inline_policies(self, before: Fields, after: Fields) -> None:
        """Write what is new or differs, then delete what is not wanted."""
        iam = self.aws.client("iam")
        for name in sorted(name for name, policy in after.items() if before.get(name) != policy):
            text = policy_text(self.params["inline_policies"][name])
            iam.put_role_policy(**self.key, PolicyName=name, PolicyDocument=text)
        for name in sorted(set(before) - set(after)):
            iam.delete_role_policy(**self.key, PolicyName=name)

    def delete(self, current: Fields) -> None:
        """Delete the role after all that IAM wants gone before it."""
        iam = self.aws.client("iam")
        for profile in self.profiles():
            iam.remove_role_from_instance_profile(**self.key, InstanceProfileName=profile)
            iam.delete_instance_profile(InstanceProfileName=profile)
        view = self.view(current)
        self.set_managed_policies(view["managed_policies"], [])
        self.set_inline_policies(view["inline_policies"], {})
        iam.delete_role(**self.key)
