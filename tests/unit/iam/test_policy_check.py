"""Lines of the request log become questions to IAM, and policies answer them."""

from __future__ import annotations

from typing import Any

import pytest
from support.policy_check import (
    allowed_actions,
    check_policy,
    explained_actions,
    operator_policies,
)
from support.policy_requests import requests_of

EC2 = "arn:aws:ec2:eu-west-1:123456789012"
EKS = "arn:aws:eks:eu-west-1:123456789012"
IAM = "arn:aws:iam::123456789012"
TAGS = {"*": {"Platform": "mlops"}}
PLATFORM = [{"Key": "Platform", "Value": "mlops"}]


def line(service: str, action: str, **parameters: Any) -> dict[str, Any]:
    """Return a line of the request log."""
    return {
        "service": service,
        "action": action,
        "region": "eu-west-1",
        "account": "123456789012",
        "parameters": parameters,
        "status": 200,
    }


def asked(service: str, action: str, **parameters: Any) -> list[tuple[str, str]]:
    """Return actions and resources of a call."""
    questions = requests_of(line(service, action, **parameters), TAGS)
    return [(question.action, question.resource) for question in questions]


@pytest.mark.parametrize(
    ("call", "questions"),
    [
        (("ec2", "DescribeVpcs", {}), [("ec2:DescribeVpcs", "*")]),
        (("sts", "GetCallerIdentity", {}), []),
        (("tagging", "GetResources", {}), [("tag:GetResources", "*")]),
        (
            ("ec2", "DeleteVpcEndpoints", {"VpcEndpointIds": ["vpce-1", "vpce-2"]}),
            [
                ("ec2:DeleteVpcEndpoints", f"{EC2}:vpc-endpoint/vpce-1"),
                ("ec2:DeleteVpcEndpoints", f"{EC2}:vpc-endpoint/vpce-2"),
            ],
        ),
        (
            ("ec2", "CreateRoute", {"RouteTableId": "rtb-1", "GatewayId": "igw-1"}),
            [("ec2:CreateRoute", f"{EC2}:route-table/rtb-1")],
        ),
        (
            ("ec2", "CreateTags", {"Resources": ["vpc-1", "sg-1"], "Tags": PLATFORM}),
            [
                ("ec2:CreateTags", f"{EC2}:security-group/sg-1"),
                ("ec2:CreateTags", f"{EC2}:vpc/vpc-1"),
            ],
        ),
        (
            ("eks", "DescribeNodegroup", {"clusterName": "mlops", "nodegroupName": "gpu"}),
            [("eks:DescribeNodegroup", f"{EKS}:nodegroup/mlops/gpu/unknown")],
        ),
        (
            ("eks", "TagResource", {"resourceArn": f"{EKS}:cluster/mlops", "tags": {"a": "b"}}),
            [("eks:TagResource", f"{EKS}:cluster/mlops")],
        ),
        (
            ("iam", "CreateOpenIDConnectProvider", {"Url": "https://a.b", "Tags": PLATFORM}),
            [
                ("iam:CreateOpenIDConnectProvider", f"{IAM}:oidc-provider/a.b"),
                ("iam:TagOpenIDConnectProvider", f"{IAM}:oidc-provider/a.b"),
            ],
        ),
        (
            ("budgets", "CreateNotification", {"AccountId": "1", "BudgetName": "mlops"}),
            [("budgets:ModifyBudget", "arn:aws:budgets::123456789012:budget/mlops")],
        ),
        (
            ("budgets", "DescribeBudget", {"AccountId": "1", "BudgetName": "mlops"}),
            [("budgets:ViewBudget", "arn:aws:budgets::123456789012:budget/mlops")],
        ),
        (
            (
                "scheduler",
                "UpdateSchedule",
                {"Name": "sleep", "GroupName": "g", "Target": {"RoleArn": f"{IAM}:role/s"}},
            ),
            [
                (
                    "scheduler:UpdateSchedule",
                    "arn:aws:scheduler:eu-west-1:123456789012:schedule/g/sleep",
                ),
                ("iam:PassRole", f"{IAM}:role/s"),
            ],
        ),
        (
            ("logs", "PutRetentionPolicy", {"logGroupName": "/aws/vpc/a", "retentionInDays": 1}),
            [
                (
                    "logs:PutRetentionPolicy",
                    "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/a",
                )
            ],
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_actions_and_resources_of_calls(
    call: tuple[str, str, dict[str, Any]], questions: list[tuple[str, str]]
) -> None:
    service, action, parameters = call
    assert sorted(asked(service, action, **parameters)) == sorted(questions)


def test_a_new_resource_has_the_tags_of_the_call_and_its_parent_those_that_it_has() -> None:
    tagged = [{"ResourceType": "subnet", "Tags": [{"Key": "Platform", "Value": "new"}]}]
    create = line("ec2", "CreateSubnet", VpcId="vpc-1", TagSpecifications=tagged)
    subnet, vpc, tags = requests_of(create, TAGS)
    assert (subnet.resource, vpc.resource) == (f"{EC2}:subnet/new", f"{EC2}:vpc/vpc-1")
    given = {"aws:requesttag/platform": "new", "aws:tagkeys": ["Platform"]}
    assert subnet.context == given
    assert vpc.context == {"aws:resourcetag/platform": "mlops"}
    assert tags == (
        "ec2:CreateTags",
        subnet.resource,
        {**given, "ec2:createaction": "CreateSubnet"},
    )


def test_tags_of_a_kind_of_resource_take_the_place_of_the_others() -> None:
    change = line("autoscaling", "CreateOrUpdateTags", Tags=[{"ResourceId": "eks-1", "Key": "k"}])
    (question,) = requests_of(change, {**TAGS, "autoScalingGroup": {"eks:cluster-name": "mlops"}})
    assert question.resource.endswith(":autoScalingGroupName/eks-1")
    assert question.context["aws:resourcetag/eks:cluster-name"] == "mlops"
    assert "aws:resourcetag/platform" not in question.context


def test_conditions_on_roles_and_their_policies() -> None:
    (attach,) = requests_of(
        line("iam", "AttachRolePolicy", RoleName="r", PolicyArn="arn:aws:iam::aws:policy/P"), TAGS
    )
    assert attach.context["iam:policyarn"] == "arn:aws:iam::aws:policy/P"
    create = line("iam", "CreateRole", RoleName="r", PermissionsBoundary=f"{IAM}:policy/b")
    (created,) = requests_of(create, TAGS)
    assert created.context["iam:permissionsboundary"] == f"{IAM}:policy/b"
    passing = line("eks", "CreateCluster", name="mlops", roleArn=f"{IAM}:role/c")
    *_, passed = requests_of(passing, TAGS)
    assert passed == (
        "iam:PassRole",
        f"{IAM}:role/c",
        {"iam:passedtoservice": "eks.amazonaws.com"},
    )


def test_what_a_policy_denies_and_what_it_allows_in_vain() -> None:
    log = [
        line("ec2", "DescribeVpcs"),
        line("ec2", "DeleteVpc", VpcId="vpc-1"),
        line("-", "GET /health"),
        {**line("eks", "GET /nonsense"), "error": "UnknownOperation"},
    ]
    statement = {
        "Effect": "Allow",
        "Action": ["ec2:DescribeVpc*", "ec2:DeleteVpc"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/Platform": "mlops"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    denied, unused = check_policy(log, [policy], TAGS)
    assert [(request.action, request.resource) for request in denied] == [("ec2:DescribeVpcs", "*")]
    assert "ec2:DescribeVpcEndpoints" in unused
    assert not {"ec2:DescribeVpcs", "ec2:DeleteVpc"} & unused
    denied, _ = check_policy(log, [policy], {"*": {"Platform": "other"}})
    assert [request.action for request in denied] == ["ec2:DescribeVpcs", "ec2:DeleteVpc"]


def test_what_is_explained_is_the_operators() -> None:
    assert explained_actions() <= allowed_actions(operator_policies())
