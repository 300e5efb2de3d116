"""Each correction to moto's IAM, through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    TRUST,
    check_refusals,
)


def test_client_ids_of_a_provider_can_be_changed(client: Callable[[str], Any]) -> None:
    iam = client("iam")
    created = iam.create_open_id_connect_provider(Url="https://oidc.example", ClientIDList=["a"])
    arn = {"OpenIDConnectProviderArn": created["OpenIDConnectProviderArn"]}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="b")
        iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="a")
    assert iam.get_open_id_connect_provider(**arn)["ClientIDList"] == ["b"]
    iam.delete_open_id_connect_provider(**arn)
    calls = ("add_client_id_to_open_id_connect_provider", "get_open_id_connect_provider")
    for method, rest in zip(calls, ({"ClientID": "a"}, {}), strict=True):
        check_refusals(iam, [(method, arn | rest, "NoSuchEntity", "not found")])


PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
SUBJECT = "token.actions.githubusercontent.com:sub"
MANAGED = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
ALLOW_LIST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "eks:ListClusters", "Resource": "*"}],
    }
)


def trust(**statement: Any) -> str:
    """Return a trust policy for GitHub, with other parts of its statement."""
    default = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": PROVIDER},
        "Condition": {"StringEquals": {SUBJECT: "repo:a/b:ref:refs/heads/main"}},
    }
    whole = {"Version": "2012-10-17", "Statement": [default | statement]}
    return json.dumps(whole)


@pytest.fixture
def iam(client: Callable[[str], Any]) -> Any:
    """An IAM client."""
    return client("iam")


@pytest.fixture
def role(iam: Any) -> Iterator[str]:
    """A role that each test leaves without policies."""
    iam.create_role(RoleName="part", AssumeRolePolicyDocument=TRUST)
    yield "part"
    iam.delete_role(RoleName="part")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{}", "Syntax errors in policy"),
        ("no policy", "Syntax errors in policy"),
        (trust(Principal={}), "Missing required field Principal"),
        (trust(Action="eks:ListClusters"), "actions can only be sts:AssumeRole"),
        (trust(Condition={}), SUBJECT),
        (trust(Condition={"StringLike": {SUBJECT: ["*"]}}), SUBJECT),
    ],
)
def test_trust_that_iam_refuses(iam: Any, role: str, document: str, text: str) -> None:
    create = {"RoleName": "other", "AssumeRolePolicyDocument": document}
    update = {"RoleName": role, "PolicyDocument": document}
    code = "MalformedPolicyDocument"
    check_refusals(
        iam,
        [("create_role", create, code, text), ("update_assume_role_policy", update, code, text)],
    )


def test_trust_of_one_branch_of_github(iam: Any) -> None:
    created = iam.create_role(RoleName="github", AssumeRolePolicyDocument=trust())
    assert created["Role"]["AssumeRolePolicyDocument"] == json.loads(trust())
    iam.delete_role(RoleName="github")


def test_role_in_use_cannot_be_deleted(iam: Any, role: str) -> None:
    refused = [("delete_role", {"RoleName": role}, "DeleteConflict", "Cannot delete entity")]
    name, profile = {"RoleName": role}, {"InstanceProfileName": "part"}
    iam.attach_role_policy(**name, PolicyArn=MANAGED)
    check_refusals(iam, refused)
    iam.detach_role_policy(**name, PolicyArn=MANAGED)
    iam.put_role_policy(**name, PolicyName="inline", PolicyDocument=ALLOW_LIST)
    check_refusals(iam, refused)
    iam.delete_role_policy(**name, PolicyName="inline")
    iam.create_instance_profile(**profile)
    iam.add_role_to_instance_profile(**name, **profile)
    check_refusals(iam, refused)
    iam.remove_role_from_instance_profile(**name, **profile)
    iam.delete_instance_profile(**profile)


def test_inline_policy_is_checked(iam: Any, role: str) -> None:
    policy = {"RoleName": role, "PolicyName": "a", "PolicyDocument": '{"Statement": []}'}
    check_refusals(iam, [("put_role_policy", policy, "MalformedPolicyDocument", "policy")])
