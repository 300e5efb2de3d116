"""Roles by name and ARN, and the time until AWS knows a new one."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.role import (
    once_iam_agrees,
    role_arn,
    same_role,
)
from botocore.exceptions import ClientError
from support.scripted_aws import ScriptedAws

ARN = "arn:aws:iam::123456789012:role/path/control"
REFUSAL = "An error occurred (NoSuchEntity)"


def test_arn_is_taken_as_it_is() -> None:
    assert role_arn(ScriptedAws().aws(), ARN) == ARN


def test_unknown_role_is_named_with_its_option() -> None:
    with ScriptedAws() as script:
        script.refuse("iam", "get_role", "NoSuchEntity")
        with pytest.raises(AwsError, match="principal: there is no IAM role named control"):
            role_arn(script.aws(), "control", "principal")


@pytest.mark.parametrize(
    ("current", "role", "same"),
    [
        (ARN, "control", ARN),
        (ARN, ARN, ARN),
        (ARN, "other", "other"),
        (None, "control", "control"),
        (ARN, None, None),
    ],
)
def test_same_role(current: str | None, role: str | None, same: str | None) -> None:
    assert same_role(current, role) == same


@pytest.mark.parametrize(("refused", "waited"), [(0, 0), (2, 10)])
def test_call_is_made_again_until_iam_agrees(refused: int, waited: int) -> None:
    with ScriptedAws() as script:
        for _ in range(refused):
            script.refuse("iam", "get_user", "NoSuchEntity")
        user = {"Path": "/", "UserName": "u", "UserId": "A" * 16, "Arn": "arn:aws:iam::1:user/u"}
        answer = {"User": user | {"CreateDate": "2026-01-01T00:00:00Z"}}
        script.answer("iam", "get_user", answer)
        call = script.client("iam").get_user
        assert once_iam_agrees(script.aws(), call, REFUSAL)["User"]["UserName"] == "u"
        assert script.now == waited


@pytest.mark.parametrize(("refusal", "waited", "calls"), [(REFUSAL, 60, 13), ("other", 0, 1)])
def test_other_and_lasting_refusals_are_raised(refusal: str, waited: int, calls: int) -> None:
    with ScriptedAws() as script:
        for _ in range(calls):
            script.refuse("iam", "get_user", "NoSuchEntity")
        with pytest.raises(ClientError):
            once_iam_agrees(script.aws(), script.client("iam").get_user, refusal)
        assert script.now == waited
