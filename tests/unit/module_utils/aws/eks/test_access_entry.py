"""Access entries against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.access_entry import (
    ensure_access_entries,
)
from botocore.exceptions import ClientError
from support.scripted_aws import ScriptedAws

ARN = "arn:aws-cn:iam::123456789012:role/ops/operator"
NAMES = {"clusterName": "mlops", "principalArn": ARN}
POLICY_ARN = "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
VIEW = {"policy": "AmazonEKSViewPolicy", "namespaces": None}
MODE = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]"


def params(**changes: Any) -> Fields:
    """Return the module's options for the entry below."""
    return {
        "cluster_name": "mlops",
        "principal": ARN,
        "entries": None,
        "state": "present",
        "type": "STANDARD",
        "kubernetes_groups": None,
        "access_policies": None,
        "tags": None,
        "purge_tags": True,
        **changes,
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_entry(script: ScriptedAws, *scopes: Fields, **changes: Any) -> None:
    """Expect the entry and its policies to be read."""
    entry = {**NAMES, "accessEntryArn": "arn:e", "type": "STANDARD", "kubernetesGroups": []}
    script.answer("eks", "describe_access_entry", {"accessEntry": entry | changes}, **NAMES)
    policies = [{"policyArn": POLICY_ARN, "accessScope": scope} for scope in scopes]
    answer = {"associatedAccessPolicies": policies}
    script.answer("eks", "list_associated_access_policies", answer, **NAMES)


def expect_entries(script: ScriptedAws, *principals: str) -> None:
    """Expect the principals with an entry to be listed."""
    answer = {"accessEntries": list(principals)}
    script.answer("eks", "list_access_entries", answer, clusterName="mlops")


def test_new_principal_is_waited_for(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_access_entry", "ResourceNotFoundException")
    message = "The specified principalArn is invalid: invalid principal."
    script.refuse("eks", "create_access_entry", "InvalidParameterException", message)
    script.answer("eks", "create_access_entry", {"accessEntry": NAMES}, **NAMES, type="STANDARD")
    script.answer(
        "eks",
        "associate_access_policy",
        {},
        **NAMES,
        policyArn=POLICY_ARN,
        accessScope={"type": "cluster"},
    )
    expect_entry(script, {"type": "cluster"})
    assert ensure_access_entries(script.aws(), params(access_policies=[VIEW]))["changed"]
    assert script.now == 5


def test_options_that_are_not_set_are_left_alone(script: ScriptedAws) -> None:
    expect_entry(script, {"type": "cluster"}, kubernetesGroups=["a"], tags={"a": "1"})
    assert not ensure_access_entries(script.aws(), params())["changed"]


def test_empty_lists_take_everything_away(script: ScriptedAws) -> None:
    expect_entry(script, {"type": "cluster"}, kubernetesGroups=["a"])
    script.answer("eks", "update_access_entry", {}, **NAMES, kubernetesGroups=[])
    script.answer("eks", "disassociate_access_policy", {}, **NAMES, policyArn=POLICY_ARN)
    expect_entry(script)
    result = ensure_access_entries(script.aws(), params(kubernetes_groups=[], access_policies=[]))
    assert result["diff"]["before"]["access_policies"] == {"AmazonEKSViewPolicy": "cluster"}
    assert result["diff"]["after"]["access_policies"] == {}


def test_role_is_found_by_name_among_the_entries(script: ScriptedAws) -> None:
    expect_entries(script, "arn:aws-cn:iam::123456789012:user/ops/operator", ARN)
    expect_entry(script)
    script.answer("eks", "delete_access_entry", {}, **NAMES)
    absent = params(principal="operator", state="absent")
    assert ensure_access_entries(script.aws(), absent)["changed"]


def test_role_without_entry_need_not_exist_in_check_mode(script: ScriptedAws) -> None:
    expect_entries(script)
    result = ensure_access_entries(script.aws(check_mode=True), params(principal="operator"))
    assert result["changed"]
    assert result["access_entry"] == {"cluster_name": "mlops", "principal_arn": "operator"}


@pytest.mark.parametrize("principal", [ARN, "operator"])
@pytest.mark.parametrize(
    ("state", "check_mode", "changed"),
    [("present", True, True), ("absent", True, False), ("absent", False, False)],
)
def test_cluster_without_access_entries_has_none(
    script: ScriptedAws, principal: str, state: str, check_mode: bool, changed: bool
) -> None:
    method = "describe_access_entry" if principal == ARN else "list_access_entries"
    script.refuse("eks", method, "InvalidRequestException", MODE)
    options = params(principal=principal, state=state)
    result = ensure_access_entries(script.aws(check_mode=check_mode), options)
    assert result["changed"] is changed


def test_entry_is_not_created_in_a_cluster_without_them(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_access_entry", "InvalidRequestException", MODE)
    with pytest.raises(ClientError, match="authentication mode"):
        ensure_access_entries(script.aws(), params())


@pytest.mark.parametrize("check_mode", [True, False])
def test_type_is_fixed(script: ScriptedAws, check_mode: bool) -> None:
    expect_entry(script, type="EC2_LINUX")
    message = f"access entry of {ARN}: EKS cannot change type: EC2_LINUX to STANDARD; delete"
    with pytest.raises(AwsError, match=message):
        ensure_access_entries(script.aws(check_mode=check_mode), params())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"principal": "arn:aws:sts::123456789012:assumed-role/a/b"},
            "principal is 'arn:aws:sts::123456789012:assumed-role/a/b'; it must be the name of an "
            "IAM role, or the ARN of an IAM role or user",
        ),
        (
            {"kubernetes_groups": ["system:masters"]},
            "kubernetes_groups has 'system:masters'; a group must not start with 'system:', and "
            "access_policies give what these groups may",
        ),
        (
            {"type": "EC2_LINUX", "kubernetes_groups": ["a"]},
            "kubernetes_groups is ['a']; with type EC2_LINUX it must be empty",
        ),
        (
            {"access_policies": [VIEW, VIEW | {"policy": POLICY_ARN}]},
            "access_policies has AmazonEKSViewPolicy more than once; list its namespaces in one",
        ),
        (
            {"access_policies": [VIEW | {"namespaces": []}]},
            "access_policies has AmazonEKSViewPolicy with no namespaces; name at least one, or "
            "leave namespaces out for the whole cluster",
        ),
    ],
)
def test_bad_options_are_refused_before_any_call(
    script: ScriptedAws, options: Fields, message: str
) -> None:
    with pytest.raises(AwsError) as caught:
        ensure_access_entries(script.aws(), params(**options))
    assert str(caught.value) == message


def test_several_entries_take_what_they_do_not_say_from_beside_them(script: ScriptedAws) -> None:
    other = {"clusterName": "mlops", "principalArn": f"{ARN}-b"}
    expect_entry(script)
    script.refuse("eks", "describe_access_entry", "ResourceNotFoundException")
    entries = [
        {"principal": ARN, "type": None, "kubernetes_groups": None, "access_policies": None},
        {"principal": f"{ARN}-b", "type": "EC2", "kubernetes_groups": [], "access_policies": None},
    ]
    options = params(principal=None, entries=entries, kubernetes_groups=["ops"])
    result = ensure_access_entries(script.aws(check_mode=True), options)
    assert result["diff"]["after"] == {
        ARN: {"type": "STANDARD", "kubernetes_groups": ["ops"]},
        other["principalArn"]: {"type": "EC2", "kubernetes_groups": []},
    }
    assert [change["action"] for change in result["changes"]] == ["update", "create"]


def test_every_entry_is_checked_before_the_first_call(script: ScriptedAws) -> None:
    unset = dict.fromkeys(("type", "kubernetes_groups", "access_policies"))
    entries = [{"principal": ARN, **unset}, {"principal": "no name", **unset}]
    with pytest.raises(AwsError, match="principal is 'no name'"):
        ensure_access_entries(script.aws(), params(entries=entries))
