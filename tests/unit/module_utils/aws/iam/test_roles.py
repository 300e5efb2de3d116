"""IAM roles against scripted answers of AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.policy import policy_text
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.roles import ensure_roles
from support.scripted_aws import ScriptedAws

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Principal": {"Service": "ec2.amazonaws.com"},
    },
}
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["a:C", "a:B"], "Resource": "*"}],
}
OWNER = {"Platform": "mlops"}
NODE_POLICY = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"


def role(name: str = "node", **changes: Any) -> Fields:
    """Return an entry of the option `roles`, as the argument specification fills it."""
    return {
        "name": name,
        "state": None,
        "description": "Nodes",
        "path": "/",
        "assume_role_policy": TRUST,
        "managed_policies": ["AmazonEKSWorkerNodePolicy"],
        "inline_policies": {"read": READ},
        "max_session_duration": 3600,
        "permissions_boundary": None,
        **changes,
    }


def params(*roles: Fields, **changes: Any) -> Fields:
    """Return the module's options."""
    return {
        "roles": list(roles) or [role()],
        "state": "present",
        "owner_tags": OWNER,
        "tags": OWNER,
        "purge_tags": True,
        **changes,
    }


def summary(name: str = "node") -> Fields:
    """Return a role as ListRoles describes it."""
    return {
        "RoleName": name,
        "RoleId": "AROA1234567890123456",
        "Arn": f"arn:aws:iam::123456789012:role/{name}",
        "Path": "/",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "Description": "Nodes",
        "MaxSessionDuration": 3600,
    }


def detail(name: str = "node", **changes: Any) -> Fields:
    """Return a role as GetAccountAuthorizationDetails describes it."""
    return {
        "RoleName": name,
        "AssumeRolePolicyDocument": json.dumps(TRUST),
        "AttachedManagedPolicies": [{"PolicyArn": NODE_POLICY}],
        "RolePolicyList": [{"PolicyName": "read", "PolicyDocument": json.dumps(READ)}],
        "InstanceProfileList": [],
        "Tags": [{"Key": "Platform", "Value": "mlops"}],
        **changes,
    }


def found(script: ScriptedAws, *details: Fields) -> None:
    """Expect the two calls that look, and answer with these roles and one of somebody else."""
    names = [entry["RoleName"] for entry in details]
    listing = {"Roles": [summary(name) for name in [*names, "other"]]}
    script.answer("iam", "list_roles", listing, MaxItems=1000)
    everything = {"RoleDetailList": [*details, detail("other")]}
    request = {"Filter": ["Role"], "MaxItems": 1000}
    script.answer("iam", "get_account_authorization_details", everything, **request)


def test_an_account_without_the_roles_costs_one_call() -> None:
    with ScriptedAws() as script:
        script.answer("iam", "list_roles", {"Roles": [summary("other")]}, MaxItems=1000)
        result = ensure_roles(script.aws(check_mode=True), params(role("a"), role("b")))
        assert result["changes"] == [
            {"action": "create", "type": "AWS::IAM::Role", "name": "a"},
            {"action": "create", "type": "AWS::IAM::Role", "name": "b"},
        ]
        assert result["roles"] == [{"role_name": "a"}, {"role_name": "b"}]


def test_all_roles_as_they_should_be_cost_two_calls() -> None:
    same = [{"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": ["*"]}]
    policies = [{"PolicyName": "read", "PolicyDocument": json.dumps({**READ, "Statement": same})}]
    with ScriptedAws() as script:
        found(script, detail("a"), detail("b", RolePolicyList=policies))
        result = ensure_roles(script.aws(), params(role("a"), role("b")))
        assert (result["changed"], result["changes"]) == (False, [])
        assert result["roles"][1] == {
            "role_name": "b",
            "role_id": "AROA1234567890123456",
            "arn": "arn:aws:iam::123456789012:role/b",
            "path": "/",
        }


def test_listings_are_read_to_their_end() -> None:
    first: Fields = {"IsTruncated": True, "Marker": "m"}
    page: Fields = {"MaxItems": 1000}
    details: Fields = {"Filter": ["Role"], **page}
    with ScriptedAws() as script:
        script.answer("iam", "list_roles", {"Roles": [summary("x")], **first}, **page)
        script.answer("iam", "list_roles", {"Roles": [summary()]}, **page, Marker="m")
        method = "get_account_authorization_details"
        script.answer("iam", method, {"RoleDetailList": [detail("x")], **first}, **details)
        script.answer("iam", method, {"RoleDetailList": [detail()]}, **details, Marker="m")
        assert not ensure_roles(script.aws(), params())["changed"]


def test_a_role_is_created_with_its_tags_and_gets_its_policies() -> None:
    with ScriptedAws() as script:
        script.answer("iam", "list_roles", {"Roles": []}, MaxItems=1000)
        script.answer(
            "iam",
            "create_role",
            {"Role": summary()},
            RoleName="node",
            Path="/",
            Description="Nodes",
            AssumeRolePolicyDocument=policy_text(TRUST),
            MaxSessionDuration=3600,
            PermissionsBoundary="arn:aws:iam::123456789012:policy/bound",
            Tags=[{"Key": "Platform", "Value": "mlops"}],
        )
        script.answer("iam", "attach_role_policy", {}, RoleName="node", PolicyArn=NODE_POLICY)
        script.answer(
            "iam",
            "put_role_policy",
            {},
            RoleName="node",
            PolicyName="read",
            PolicyDocument=policy_text(READ),
        )
        bound = role(permissions_boundary="arn:aws:iam::123456789012:policy/bound")
        assert ensure_roles(script.aws(), params(bound))["changed"]


def test_what_was_added_by_hand_is_removed() -> None:
    by_hand = "arn:aws:iam::aws:policy/AdministratorAccess"
    with ScriptedAws() as script:
        found(
            script,
            detail(
                AttachedManagedPolicies=[{"PolicyArn": by_hand}, {"PolicyArn": NODE_POLICY}],
                RolePolicyList=[
                    {"PolicyName": "hand", "PolicyDocument": json.dumps(READ)},
                    {"PolicyName": "read", "PolicyDocument": json.dumps(READ)},
                ],
            ),
        )
        script.answer("iam", "detach_role_policy", {}, RoleName="node", PolicyArn=by_hand)
        script.answer("iam", "delete_role_policy", {}, RoleName="node", PolicyName="hand")
        (change,) = ensure_roles(script.aws(), params())["changes"]
        assert change["fields"] == ["inline_policies", "managed_policies"]


def test_an_interrupted_creation_is_finished() -> None:
    with ScriptedAws() as script:
        found(script, detail(AttachedManagedPolicies=[], RolePolicyList=[]))
        key = {"RoleName": "node"}
        script.answer("iam", "attach_role_policy", {}, **key, PolicyArn=NODE_POLICY)
        text = policy_text(READ)
        script.answer("iam", "put_role_policy", {}, **key, PolicyName="read", PolicyDocument=text)
        assert ensure_roles(script.aws(), params())["changed"]


def test_a_boundary_comes_before_new_policies_and_stays_where_none_is_given() -> None:
    boundary = "arn:aws:iam::123456789012:policy/bound"
    with ScriptedAws() as script:
        found(script, detail(RolePolicyList=[]))
        key = {"RoleName": "node"}
        script.answer(
            "iam", "put_role_permissions_boundary", {}, **key, PermissionsBoundary=boundary
        )
        text = policy_text(READ)
        script.answer("iam", "put_role_policy", {}, **key, PolicyName="read", PolicyDocument=text)
        ensure_roles(script.aws(), params(role(permissions_boundary=boundary)))
    with ScriptedAws() as script:
        found(script, detail(PermissionsBoundary={"PermissionsBoundaryArn": boundary}))
        assert not ensure_roles(script.aws(), params())["changed"]


def test_a_role_of_somebody_else_is_refused_whatever_is_asked() -> None:
    for state in ("present", "absent"):
        with ScriptedAws() as script:
            found(script, detail("a"), detail("b", Tags=[{"Key": "Platform", "Value": "x"}]))
            with pytest.raises(AwsError) as caught:
                ensure_roles(script.aws(), params(role("a"), role("b"), state=state))
            assert "there is a role b already" in str(caught.value)
            assert "tag-role --role-name b --tags Key=Platform,Value=mlops" in str(caught.value)


def test_another_path_is_refused() -> None:
    with ScriptedAws() as script:
        found(script, detail())
        with pytest.raises(AwsError, match=r"path of node is /mlops/, but the role has /"):
            ensure_roles(script.aws(), params(role(path="/mlops/")))


def test_a_role_that_iam_cannot_describe_yet_is_named() -> None:
    with ScriptedAws() as script:
        script.answer("iam", "list_roles", {"Roles": [summary()]}, MaxItems=1000)
        method, request = "get_account_authorization_details", {"Filter": ["Role"]}
        script.answer("iam", method, {"RoleDetailList": []}, **request, MaxItems=1000)
        with pytest.raises(AwsError, match="cannot describe node yet"):
            ensure_roles(script.aws(), params())


def test_a_role_goes_after_all_that_holds_it() -> None:
    with ScriptedAws() as script:
        found(script, detail(InstanceProfileList=[profile("eks-1")]), detail("kept"))
        key = {"RoleName": "node"}
        name = {"InstanceProfileName": "eks-1"}
        script.answer("iam", "remove_role_from_instance_profile", {}, **key, **name)
        script.answer("iam", "delete_instance_profile", {}, **name)
        script.answer("iam", "detach_role_policy", {}, **key, PolicyArn=NODE_POLICY)
        script.answer("iam", "delete_role_policy", {}, **key, PolicyName="read")
        script.answer("iam", "delete_role", {}, **key)
        both = params(role(state="absent"), role("kept"))
        result = ensure_roles(script.aws(), both)
        assert result["changes"] == [
            {"action": "delete", "type": "AWS::IAM::InstanceProfile", "name": "eks-1"},
            {"action": "delete", "type": "AWS::IAM::Role", "name": "node"},
        ]
        assert [role["role_name"] for role in result["roles"]] == ["kept"]


def profile(name: str) -> Fields:
    """Return an instance profile of the role."""
    return {
        "Path": "/",
        "InstanceProfileName": name,
        "InstanceProfileId": "AIPA1234567890123456",
        "Arn": f"arn:aws:iam::123456789012:instance-profile/{name}",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "Roles": [],
    }


LARGE = {"Version": "2012-10-17", "Statement": [{"Sid": "x" * 10_240}]}


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ([role("a/b")], "name is 'a/b'; it must be 1 to 64 letters"),
        ([role(), role()], "roles names node twice"),
        ([role(path="mlops")], "path of node is 'mlops'; it must begin and end with a slash"),
        ([role(max_session_duration=60)], "is 60; it must be 3600 to 43200 seconds"),
        ([role(assume_role_policy={})], "assume_role_policy of node lacks Version or Statement"),
        ([role(inline_policies={"p": {}})], "inline policy p of node lacks Version or Statement"),
        ([role(inline_policies={"p": LARGE})], "IAM takes at most 10240"),
    ],
)
def test_what_iam_would_refuse_is_refused_before_any_call(
    roles: list[Fields], message: str
) -> None:
    with ScriptedAws() as script, pytest.raises(AwsError, match=message):
        ensure_roles(script.aws(), params(*roles))
