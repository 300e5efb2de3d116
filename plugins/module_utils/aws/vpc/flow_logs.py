"""The flow logs of a VPC, in CloudWatch Logs."""

from __future__ import annotations

from functools import partial

from ..core import (
    AwsError,
    Fields,
    given,
    listed,
    tag_changes,
    tags_after,
)
from ..iam.role import (
    role_arn,
    same_role,
)
from .network import Kind, Network

FLOW_LOG = Kind("AWS::EC2::FlowLog", "vpc-flow-log", "FlowLogId")
LOG_GROUP = "AWS::Logs::LogGroup"
# Days for which CloudWatch Logs can keep what it gets.
RETENTION_DAYS = [
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
]


def log_group_name(network: Network) -> str:
    """Return the name of the log group."""
    return f"/aws/vpc/{network.name}/flow-logs"


def find_flow_log(network: Network) -> Fields | None:
    """Return the VPC's flow log to the log group."""
    flow_logs = network.parts("describe_flow_logs", "FlowLogs", filters="Filter", by="resource-id")
    group = log_group_name(network)
    return next((log for log in flow_logs if log.get("LogGroupName") == group), None)


def find_log_group(network: Network) -> Fields | None:
    """Return the log group as CloudWatch Logs describes it."""
    name = log_group_name(network)
    groups = listed(
        network.aws.client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=name
    )
    return next((group for group in groups if group["logGroupName"] == name), None)


def ensure_flow_logs(network: Network) -> None:
    """Create the flow log and its log group, or bring them up to date.

    Without the option a flow log is deleted, and the log group stays with what it has got.
    """
    options = network.params["flow_logs"]
    found = find_flow_log(network)
    if options is None:
        remove_flow_log(network, found)
        return
    ensure_log_group(network, options["retention_days"])
    role = same_role(found["DeliverLogsPermissionArn"] if found else None, options["role"])
    if found and found["DeliverLogsPermissionArn"] != role:
        # A flow log cannot be changed.
        remove_flow_log(network, found)
        found = None

    def create(**tags: list[Fields]) -> Fields:
        answer = network.call(
            "create_flow_logs",
            ResourceIds=[network.vpc_id],
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName=log_group_name(network),
            DeliverLogsPermissionArn=role_arn(network.aws, options["role"], "flow_logs.role"),
            **tags,
        )
        for failure in answer.get("Unsuccessful", []):
            raise AwsError(f"flow logs of {network.name}: {failure['Error']['Message']}")
        return {FLOW_LOG.id: answer["FlowLogIds"][0]}

    fields = {"role": role}
    network.keep(FLOW_LOG, network.name, found, fields, fields, create)


def remove_flow_log(network: Network, found: Fields | None) -> None:
    """Delete the flow log if there is one."""
    if found:
        flow_log = found[FLOW_LOG.id]
        delete = partial(network.ec2.delete_flow_logs, FlowLogIds=[flow_log])
        network.remove(FLOW_LOG.type, network.name, flow_log, delete)


def ensure_log_group(network: Network, retention_days: int) -> None:
    """Create the log group, or bring its retention and tags up to date."""
    logs, name, found = network.aws.client("logs"), log_group_name(network), find_log_group(network)
    # The ARN of a log group ends with ":*" where it means what is in it.
    arn = found["arn"].removesuffix(":*") if found else ""
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"] if found else {}
    before = {"retention_days": found.get("retentionInDays"), "tags": tags} if found else {}
    tags_wanted = tags_after(tags, network.params)
    after: Fields = {
        "retention_days": retention_days,
        # Without the option they are left alone.
        "tags": tags if tags_wanted is None else tags_wanted,
    }
    network.record(LOG_GROUP, name, before, after)
    if network.aws.check_mode:
        return
    if found is None:
        logs.create_log_group(**given(logGroupName=name, tags=after["tags"] or None))
    else:
        changed, removed = tag_changes(tags, after["tags"])
        if removed:
            logs.untag_resource(resourceArn=arn, tagKeys=removed)
        if changed:
            logs.tag_resource(resourceArn=arn, tags=changed)
    if before.get("retention_days") != retention_days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)


def remove_log_group(network: Network) -> None:
    """Delete the log group if there is one."""
    if find_log_group(network):
        name = log_group_name(network)
        delete = partial(network.aws.client("logs").delete_log_group, logGroupName=name)
        network.remove(LOG_GROUP, name, name, delete)
