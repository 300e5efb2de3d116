"""Endpoints and flow logs of a VPC against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.endpoints import (
    ensure_security_group,
    remove_endpoints,
    wait_for_endpoints,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.flow_logs import (
    ensure_flow_logs,
)
from support.scripted_aws import ScriptedAws
from support.scripted_network import (
    OF_VPC,
    named,
    network,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def test_a_failed_endpoint_says_why(script: ScriptedAws) -> None:
    pending = {"VpcEndpointId": "vpce-1", "State": "pending", **named("mlops-sts")}
    failed = {**pending, "State": "Failed", "LastError": {"Message": "no such zone"}}
    for endpoint in (pending, failed):
        answer = {"VpcEndpoints": [endpoint]}
        script.answer("ec2", "describe_vpc_endpoints", answer, Filters=OF_VPC)
    with pytest.raises(AwsError, match="endpoint mlops-sts is Failed: no such zone"):
        wait_for_endpoints(network(script), ["vpce-1"])


def test_endpoints_are_not_waited_for_unless_asked_to(script: ScriptedAws) -> None:
    wait_for_endpoints(network(script, {"wait": False}), ["vpce-1"])


def test_an_endpoint_that_aws_keeps_is_an_error(script: ScriptedAws) -> None:
    failure = {"ResourceId": "vpce-1", "Error": {"Message": "managed by a service"}}
    answer = {"Unsuccessful": [failure]}
    script.answer("ec2", "delete_vpc_endpoints", answer, VpcEndpointIds=["vpce-1"])
    kept = {"VpcEndpointId": "vpce-1", "VpcEndpointType": "Interface", "SubnetIds": ["subnet-1"]}
    with pytest.raises(AwsError, match="endpoint vpce-1: managed by a service"):
        remove_endpoints(network(script), [kept])


def test_endpoints_take_https_from_the_vpc_only(script: ScriptedAws) -> None:
    open_to_all = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    }
    group = {"GroupName": "mlops-endpoints", "GroupId": "sg-1", **named("mlops-endpoints")}
    described = {**group, "IpPermissions": [{**open_to_all, "UserIdGroupPairs": []}]}
    answer = {"SecurityGroups": [described]}
    script.answer("ec2", "describe_security_groups", answer, Filters=OF_VPC)
    wanted = {**open_to_all, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
    for method, rule in (
        ("revoke_security_group_ingress", open_to_all),
        ("authorize_security_group_ingress", wanted),
    ):
        script.answer("ec2", method, {}, GroupId="sg-1", IpPermissions=[rule])
    this = network(script)
    assert ensure_security_group(this) == "sg-1"
    assert this.changes == [
        {
            "action": "update",
            "type": "AWS::EC2::SecurityGroup",
            "name": "mlops-endpoints",
            "fields": ["ingress"],
        }
    ]


def test_a_flow_log_that_aws_refuses_is_an_error(script: ScriptedAws) -> None:
    of_resource = [{"Name": "resource-id", "Values": ["vpc-1"]}]
    script.answer("ec2", "describe_flow_logs", {"FlowLogs": []}, Filter=of_resource)
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/mlops/flow-logs"
    group = {
        "logGroupName": "/aws/vpc/mlops/flow-logs",
        "arn": f"{arn}:*",
        "retentionInDays": 30,
    }
    script.answer(
        "logs",
        "describe_log_groups",
        {"logGroups": [group]},
        logGroupNamePrefix="/aws/vpc/mlops/flow-logs",
    )
    script.answer("logs", "list_tags_for_resource", {"tags": {"a": "1"}}, resourceArn=arn)
    role = "arn:aws:iam::123456789012:role/logs"
    failure = {"ResourceId": "vpc-1", "Error": {"Message": "Access Denied for LogDestination"}}
    script.answer(
        "ec2",
        "create_flow_logs",
        {"Unsuccessful": [failure]},
        ResourceIds=["vpc-1"],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="/aws/vpc/mlops/flow-logs",
        DeliverLogsPermissionArn=role,
        TagSpecifications=[{"ResourceType": "vpc-flow-log", **named("mlops")}],
    )
    with pytest.raises(AwsError, match="flow logs of mlops: Access Denied for LogDestination"):
        ensure_flow_logs(network(script, flow_logs={"role": role, "retention_days": 30}))
