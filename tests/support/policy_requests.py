"""What IAM is asked for each line of the emulated AWS's request log.

Which resources and condition keys an action knows is in the tables of parliament. What is said here
is what they lack: how a call names its resources, and what it asks beside its own action.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from string import Template
from typing import Any

from support.policy_evaluator import Request, Values

Line = Mapping[str, Any]
Tags = Mapping[str, Mapping[str, str]]

# Services whose actions have another prefix than the name that their requests are signed with.
PREFIXES = {"tagging": "tag", "monitoring": "cloudwatch", "email": "ses"}
# Calls that are allowed to everybody.
FREE = {"sts:GetCallerIdentity"}
# Calls of Budgets share two actions.
BUDGETS = re.compile("(Describe|Create|Update|Delete).*(Budget|Notification|Subscriber)s?")
# How the ids of EC2's resources begin, by the kind of resource.
IDS: Mapping[str, str] = {
    "egress-only-internet-gateway": "eigw-",
    "elastic-ip": "eipalloc-",
    "internet-gateway": "igw-",
    "launch-template": "lt-",
    "natgateway": "nat-",
    "network-interface": "eni-",
    "route-table": "rtb-",
    "security-group": "sg-",
    "snapshot": "snap-",
    "subnet": "subnet-",
    "volume": "vol-",
    "vpc": "vpc-",
    "vpc-endpoint": "vpce-",
    "vpc-flow-log": "fl-",
}
# The parameters that name other services' resources, by the part of an ARN; the first given counts.
NAMES: Mapping[str, tuple[str, ...]] = {
    "Alias": ("AliasName",),
    "AddonName": ("addonName",),
    "BudgetName": ("BudgetName",),
    "ClusterName": ("clusterName", "name"),
    "GroupFriendlyName": ("ResourceId",),
    "GroupName": ("GroupName", "Name"),
    "InstanceProfileNameWithPath": ("InstanceProfileName",),
    "KeyId": ("KeyId",),
    "LogGroupName": ("logGroupName", "logGroupNamePrefix"),
    "NodegroupName": ("nodegroupName",),
    "OidcProviderName": ("Url",),
    "RepositoryName": ("repositoryName", "repositoryNames"),
    "RoleNameWithPath": ("RoleName",),
    "ScheduleName": ("Name",),
}
# The roles that a call gives to a service, by the name of the parameter.
PASSED_ROLES = {
    "CreateAddon": ("serviceAccountRoleArn", "eks.amazonaws.com"),
    "CreateCluster": ("roleArn", "eks.amazonaws.com"),
    "CreateFlowLogs": ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    "CreateNodegroup": ("nodeRole", "eks.amazonaws.com"),
    "CreatePodIdentityAssociation": ("roleArn", "pods.eks.amazonaws.com"),
    "CreateSchedule": ("RoleArn", "scheduler.amazonaws.com"),
    "UpdateAddon": ("serviceAccountRoleArn", "eks.amazonaws.com"),
    "UpdatePodIdentityAssociation": ("roleArn", "pods.eks.amazonaws.com"),
    "UpdateSchedule": ("RoleArn", "scheduler.amazonaws.com"),
}
# The action that gives a new resource its tags. EKS has one for all, EC2 one for each resource.
TAGGING = {
    "budgets:CreateBudget": "budgets:TagResource",
    "ecr:CreateRepository": "ecr:TagResource",
    "iam:CreateOpenIDConnectProvider": "iam:TagOpenIDConnectProvider",
    "iam:CreateRole": "iam:TagRole",
    "kms:CreateKey": "kms:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "scheduler:CreateScheduleGroup": "scheduler:TagResource",
}
CREATES = re.compile("Allocate|Create(?!Route$|Tags$|OrUpdateTags$|LaunchTemplateVersion$)")
NEW, UNKNOWN = "new", "unknown"


@cache
def service_table(prefix: str) -> dict[str, Any]:
    """Return what is known of a service: its actions and resources by name."""
    from parliament import iam_definition

    table = next(service for service in iam_definition if service["prefix"] == prefix)
    return {
        "actions": {action["privilege"]: action for action in table["privileges"]},
        "resources": {kind["resource"]: kind for kind in table["resources"]},
    }


def requests_of(line: Line, tags: Tags) -> Iterator[Request]:
    """Return what IAM is asked for a line of the request log.

    ``tags`` are those of the resources that exist, by the kind of resource; ``*`` is every other
    kind. The log tells what a call gives, and not what a resource has.
    """
    service: str = line["service"]
    prefix = PREFIXES.get(service, service)
    call, parameters = line["action"], line["parameters"]
    if f"{prefix}:{call}" in FREE:
        return
    action = action_of(prefix, call)
    yield from on_resources(action, line, tags)
    if tags_of(parameters) and CREATES.match(call):
        if prefix == "ec2":
            for request in on_resources(f"ec2:{call}", line, tags):
                if is_new(request.resource):
                    context = {**request_tags(parameters), "ec2:createaction": call}
                    yield Request("ec2:CreateTags", request.resource, context)
        elif prefix == "eks":
            yield from on_resources("eks:TagResource", line, tags)
        else:
            yield from on_resources(TAGGING[f"{prefix}:{call}"], line, tags)
    if call in PASSED_ROLES:
        name, service = PASSED_ROLES[call]
        for role in found(parameters, name):
            yield Request("iam:PassRole", role, {"iam:passedtoservice": service})


def action_of(prefix: str, call: str) -> str:
    """Return the action that a call is to IAM: its own name, but for Budgets, which has two."""
    if prefix == "budgets" and BUDGETS.fullmatch(call):
        return "budgets:ViewBudget" if call.startswith("Describe") else "budgets:ModifyBudget"
    return f"{prefix}:{call}"


def on_resources(action: str, line: Line, tags: Tags) -> Iterator[Request]:
    """Return one action of a call on each of the resources that it names, or on none in particular.

    Each resource has those keys of the context that parliament's tables give it.
    """
    prefix, _, name = action.partition(":")
    table = service_table(prefix)
    kinds = {kind["resource_type"]: kind for kind in table["actions"][name]["resource_types"]}
    common = kinds.pop("", {}).get("condition_keys", [])
    asked = False
    for title, kind in kinds.items():
        resource = table["resources"][title.removesuffix("*")]
        keys = {*common, *(kind["condition_keys"] or resource["condition_keys"])}
        for arn in arns_of(resource, line, required=title.endswith("*")):
            asked = True
            context = context_of(line)
            if "aws:RequestTag/${TagKey}" in keys:
                context |= request_tags(line["parameters"])
            if "aws:ResourceTag/${TagKey}" in keys and not is_new(arn):
                own = tags.get(resource["resource"], tags.get("*", {}))
                context |= {f"aws:resourcetag/{key}".lower(): own[key] for key in own}
            yield Request(action, arn, context)
    if not asked:
        yield Request(action, "*", context_of(line) | request_tags(line["parameters"]))


def arns_of(resource: Mapping[str, Any], line: Line, required: bool) -> list[str]:
    """Return the ARNs of all resources of a kind that a call names.

    One that must be there and is not named is new, or only AWS knows it. Ids that AWS gives need no
    name beside those that we give.
    """
    template = resource["arn"].replace("${Partition}", "aws")
    pattern = "".join(
        ".+" if part.startswith("$") else re.escape(part)
        for part in re.split(r"(\$\{\w+\})", template)
    )
    strings = texts(line["parameters"])
    if arns := [text for text in strings if re.fullmatch(pattern, text)]:
        return arns
    id_start = IDS.get(resource["resource"])
    unnamed = NEW if CREATES.match(line["action"]) else UNKNOWN
    values = [{"Region": line["region"], "Account": line["account"]}]
    known, unknown = False, False
    for part in re.findall(r"\$\{(\w+)\}", template):
        if part in values[0]:
            continue
        if id_start and line["service"] == "ec2":
            names = [text for text in strings if text.startswith(id_start)]
        else:
            candidates = (found(line["parameters"], key) for key in NAMES.get(part, ()))
            names = next((texts for texts in candidates if texts), [])
        known = known or bool(names)
        unknown = unknown or not (names or part == "UUID")
        values = [{**value, part: text} for value in values for text in names or [unnamed]]
    if (unknown or not known) and not required:
        return []
    return [Template(template).substitute(value) for value in values]


def is_new(arn: str) -> bool:
    """Tell whether an ARN is that of a resource which does not exist yet, and so has no tags."""
    return arn.endswith(f"/{NEW}")


def context_of(line: Line) -> dict[str, Values]:
    """Return the keys of the context that come from parameters, whatever the resource."""
    keys = {
        "PolicyArn": "iam:policyarn",
        "PermissionsBoundary": "iam:permissionsboundary",
        "AWSServiceName": "iam:awsservicename",
    }
    parameters = line["parameters"]
    return {keys[name]: parameters[name] for name in keys if name in parameters}


def request_tags(parameters: Any) -> dict[str, Values]:
    """Return the tags that a call gives as keys of the context."""
    given = tags_of(parameters)
    tags: dict[str, Values] = {f"aws:requesttag/{key}".lower(): given[key] for key in given}
    return {**tags, "aws:tagkeys": list(given)} if given else {}


def tags_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that a call gives, however its service writes them."""
    lists = [parameters.get(name) for name in ("Tags", "tags", "ResourceTags")]
    lists += [specification["Tags"] for specification in parameters.get("TagSpecifications", [])]
    given: dict[str, str] = {}
    for tags in lists:
        if isinstance(tags, Mapping):
            given |= tags
        for tag in tags if isinstance(tags, list) else []:
            pair = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
            given[pair["key"]] = pair.get("value", "")
    return given


def found(parameters: Any, name: str) -> list[str]:
    """Return the texts of all parameters of a name, at any depth."""
    if isinstance(parameters, Mapping):
        own = texts(parameters[name]) if name in parameters else []
        return own + [text for value in parameters.values() for text in found(value, name)]
    if isinstance(parameters, list):
        return [text for value in parameters for text in found(value, name)]
    return []


def texts(value: Any) -> list[str]:
    """Return all texts in a value, at any depth."""
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [re.sub("^(https://|alias/)", "", value)] if isinstance(value, str) else []
