"""The policies of the role aws_identity: well formed, small enough, and no wider than they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.policy import policy_size
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.roles import INLINE_LIMIT
from ansible_collections.mlops.gpu_platform.tools.role_variables import role_variable
from parliament import analyze_policy_string
from support.policy_evaluator import (
    Decision,
    Request,
    Values,
    evaluate,
    listed,
)

BOUNDARY = "arn:aws:iam::123456789012:policy/bound"
LONGEST = "m" * 32
# All roles there are, with the most that they can have.
FULL = {
    "aws_identity_operator_principals": ["arn:aws:iam::123456789012:root"],
    "aws_identity_github_repository": "mlops/platform",
    "aws_identity_load_balancer_controller": True,
    "aws_identity_ebs_csi": True,
    "aws_identity_permissions_boundary": BOUNDARY,
}
# IAM's limit for a trust policy, before one asks for more.
TRUST_LIMIT = 2048


def roles(**given: Any) -> dict[str, dict[str, Any]]:
    """Return the roles by the last part of their names."""
    entries = role_variable("aws_identity", "_aws_identity_roles", **FULL | given)
    return {entry["name"].partition("-")[2]: entry for entry in entries}


def inline(role: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the inline policies of a role."""
    return list(role.get("inline_policies", {}).values())


def policies() -> Iterator[Any]:
    """Return every inline policy that the variables can make."""
    for autoscaler in ("karpenter", "cluster_autoscaler"):
        for boundary in ("", BOUNDARY):
            given = {
                "aws_identity_autoscaler": autoscaler,
                "aws_identity_permissions_boundary": boundary,
            }
            for name, role in roles(**given).items():
                for title, policy in role.get("inline_policies", {}).items():
                    name_of_case = f"{name}-{title}-{autoscaler}-{'bound' if boundary else 'free'}"
                    yield pytest.param(policy, id=name_of_case)


def findings(policy: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what parliament finds."""
    found = analyze_policy_string(json.dumps(policy)).findings
    return [(finding.issue, finding.detail) for finding in found]


def joined(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy with one statement for each action, on all the resources of all of them."""
    resources: dict[str, list[str]] = {}
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            resources.setdefault(action, []).extend(listed(statement["Resource"]))
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": arns}
        for action, arns in resources.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize("policy", list(policies()))
def test_parliament_finds_nothing(policy: dict[str, Any]) -> None:
    # IAM decides on each resource of a call by itself, so each may be in another statement.
    # parliament wants all kinds in one; whether they are there at all, the joined policy tells.
    assert [found for found in findings(policy) if found[0] != "RESOURCE_MISMATCH"] == []
    assert [found for found in findings(joined(policy)) if found[0] == "RESOURCE_MISMATCH"] == []


@pytest.mark.parametrize("policy", list(policies()))
def test_no_statement_allows_everything(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all(
            ":" in action and not action.endswith(":*") for action in listed(statement["Action"])
        )
        if "*" in listed(statement["Resource"]):
            assert "KnowsNoResource" in statement["Sid"]


@pytest.mark.parametrize("autoscaler", ["karpenter", "cluster_autoscaler"])
def test_policies_fit_into_a_role_with_the_longest_names(autoscaler: str) -> None:
    longest = roles(
        aws_identity_autoscaler=autoscaler,
        aws_identity_platform_name=LONGEST,
        aws_identity_cluster_name=LONGEST,
        aws_identity_schedule_group_name=LONGEST,
        aws_identity_ecr_repository_name=f"{LONGEST}/triton",
        aws_identity_region="ap-southeast-1",
    )
    for role in longest.values():
        assert len(role["name"]) <= 64
        assert sum(map(policy_size, inline(role))) <= INLINE_LIMIT
        assert policy_size(role["assume_role_policy"]) <= TRUST_LIMIT


@pytest.mark.parametrize(
    ("variables", "subject"),
    [
        ({}, "repo:mlops/platform:ref:refs/heads/main"),
        (
            {"aws_identity_github_branch": "release/1"},
            "repo:mlops/platform:ref:refs/heads/release/1",
        ),
        ({"aws_identity_github_environment": "prod"}, "repo:mlops/platform:environment:prod"),
    ],
)
def test_github_is_trusted_by_one_exact_subject(variables: dict[str, str], subject: str) -> None:
    (statement,) = roles(**variables)["github"]["assume_role_policy"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{issuer}")
    assert statement["Condition"] == {
        "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}
    }


def test_roles_of_pods_are_for_pods_of_the_one_cluster() -> None:
    for name in ("load-balancer-controller", "cluster-autoscaler", "ebs-csi"):
        (statement,) = roles()[name]["assume_role_policy"]["Statement"]
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
        cluster = "arn:aws:eks:eu-west-1:123456789012:cluster/mlops"
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnEquals": {"aws:SourceArn": cluster},
        }


@pytest.mark.parametrize(
    ("variables", "absent"),
    [
        ({"aws_identity_operator_principals": []}, "operator"),
        ({"aws_identity_github_repository": ""}, "github"),
        ({"aws_identity_load_balancer_controller": False}, "load-balancer-controller"),
        ({"aws_identity_autoscaler": "none"}, "cluster-autoscaler"),
        ({"aws_identity_ebs_csi": False}, "ebs-csi"),
    ],
)
def test_a_role_that_nobody_needs_is_absent(variables: dict[str, Any], absent: str) -> None:
    assert roles()[absent].get("state") == "present"
    assert roles(**variables)[absent]["state"] == "absent"


def test_operators_need_a_second_factor_unless_told() -> None:
    (strict,) = roles()["operator"]["assume_role_policy"]["Statement"]
    assert strict["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    (lax,) = roles(aws_identity_operator_mfa=False)["operator"]["assume_role_policy"]["Statement"]
    assert "Condition" not in lax


EC2 = "arn:aws:ec2:eu-west-1:123456789012"
IAM = "arn:aws:iam::123456789012"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
NODE = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"


@pytest.mark.parametrize(
    ("action", "resource", "context", "decision"),
    [
        ("ec2:DeleteVpc", f"{EC2}:vpc/vpc-1", {"aws:resourcetag/platform": "mlops"}, True),
        ("ec2:DeleteVpc", f"{EC2}:vpc/vpc-1", {"aws:resourcetag/platform": "other"}, False),
        ("ec2:CreateVpc", f"{EC2}:vpc/new", {"aws:requesttag/platform": "mlops"}, True),
        ("ec2:CreateVpc", f"{EC2}:vpc/new", {}, False),
        ("ec2:TerminateInstances", f"{EC2}:instance/i-1", {}, False),
        ("eks:DeleteCluster", "arn:aws:eks:eu-west-1:123456789012:cluster/mlops", {}, True),
        ("eks:DeleteCluster", "arn:aws:eks:eu-west-1:123456789012:cluster/mlops-2", {}, False),
        ("iam:DeleteRole", f"{IAM}:role/mlops-eks-node", {}, True),
        ("iam:DeleteRole", f"{IAM}:role/admin", {}, False),
        ("iam:PutRolePolicy", f"{IAM}:role/mlops-x", {}, False),
        ("iam:PutRolePolicy", f"{IAM}:role/mlops-x", {"iam:permissionsboundary": BOUNDARY}, True),
        (
            "iam:AttachRolePolicy",
            f"{IAM}:role/mlops-x",
            {"iam:permissionsboundary": BOUNDARY, "iam:policyarn": NODE},
            True,
        ),
        (
            "iam:AttachRolePolicy",
            f"{IAM}:role/mlops-x",
            {"iam:permissionsboundary": BOUNDARY, "iam:policyarn": ADMIN},
            False,
        ),
        (
            "iam:PassRole",
            f"{IAM}:role/mlops-eks-node",
            {"iam:passedtoservice": "eks.amazonaws.com"},
            True,
        ),
        (
            "iam:PassRole",
            f"{IAM}:role/mlops-eks-node",
            {"iam:passedtoservice": "lambda.amazonaws.com"},
            False,
        ),
        (
            "iam:CreateServiceLinkedRole",
            f"{IAM}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
            {"iam:awsservicename": "rds.amazonaws.com"},
            False,
        ),
    ],
)
def test_the_operator_may_touch_what_is_the_platforms(
    action: str, resource: str, context: dict[str, Values], decision: bool
) -> None:
    answer = evaluate(inline(roles()["operator"]), Request(action, resource, context))
    assert (answer is Decision.ALLOWED) == decision


@pytest.mark.parametrize(
    ("role", "action", "resource", "decision"),
    [
        ("github", "ecr:PutImage", "repository/mlops/triton", True),
        ("github", "ecr:PutImage", "repository/mlops/other", False),
        ("github", "ecr:BatchDeleteImage", "repository/mlops/triton", False),
        ("scheduler", "eks:UpdateNodegroupConfig", "nodegroup/mlops/gpu/1", True),
        ("scheduler", "eks:UpdateNodegroupConfig", "nodegroup/other/gpu/1", False),
        ("scheduler", "eks:DeleteNodegroup", "nodegroup/mlops/gpu/1", False),
    ],
)
def test_the_other_roles_may_do_the_one_thing(
    role: str, action: str, resource: str, decision: bool
) -> None:
    arn = f"arn:aws:{action.partition(':')[0]}:eu-west-1:123456789012:{resource}"
    answer = evaluate(inline(roles()[role]), Request(action, arn))
    assert (answer is Decision.ALLOWED) == decision


def test_the_autoscaler_may_call_what_its_publisher_lists() -> None:
    # cluster-autoscaler/cloudprovider/aws/README.md of cluster-autoscaler-1.34.2.
    (policy,) = inline(roles()["cluster-autoscaler"])
    allowed = [action for each in policy["Statement"] for action in listed(each["Action"])]
    assert sorted(allowed) == [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
        "eks:DescribeNodegroup",
    ]


@pytest.mark.parametrize(
    "action", ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
)
@pytest.mark.parametrize(("cluster", "decision"), [("mlops", True), ("mlops-2", False)])
def test_the_autoscaler_scales_the_node_groups_of_its_cluster(
    action: str, cluster: str, decision: bool
) -> None:
    groups = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup"
    request = Request(
        action,
        f"{groups}:1f9d6fd4-1f83-4a3c-9d5c-0a4d5ea3c9a1:autoScalingGroupName/eks-gpu-1",
        {"aws:resourcetag/eks:cluster-name": cluster},
    )
    answer = evaluate(inline(roles()["cluster-autoscaler"]), request)
    assert (answer is Decision.ALLOWED) == decision
