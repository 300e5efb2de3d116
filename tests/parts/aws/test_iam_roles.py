"""The life of several roles in the emulated AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Aws, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.roles import ensure_roles

Step = Callable[..., tuple[Fields, list[str]]]


def policy(**statement: Any) -> Fields:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def role(name: str, **changes: Any) -> Fields:
    trust = policy(Action="sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
    return {
        "name": f"mlops-life-{name}",
        "state": None,
        "description": "A life",
        "path": "/",
        "assume_role_policy": trust,
        "managed_policies": ["AmazonEKSWorkerNodePolicy"],
        "inline_policies": {"read": policy(Action=["s3:GetObject"], Resource="arn:aws:s3:::b/*")},
        "max_session_duration": 3600,
        "permissions_boundary": None,
        **changes,
    }


@pytest.fixture
def step(emulator: Emulator, client: Callable[[str], Any]) -> Step:
    """Return a function that ensures roles, and returns the result and the calls made."""

    def ensure(*roles: Fields, state: str = "present", check: bool = False) -> Any:
        tags = {"Platform": "life"}
        log = emulator.request_log
        start = len(log.read_text().splitlines()) if log.exists() else 0
        options = {"roles": roles, "state": state, "owner_tags": tags}
        result = ensure_roles(
            Aws(client, check_mode=check), {**options, "tags": tags, "purge_tags": True}
        )
        lines = log.read_text().splitlines()[start:]
        return result, [json.loads(line)["action"] for line in lines]

    return ensure


READS = ["ListRoles", "GetAccountAuthorizationDetails"]


def test_life_of_roles(step: Step, client: Callable[[str], Any]) -> None:
    iam = client("iam")
    both = role("a"), role("b", inline_policies={})
    planned, calls = step(*both, check=True)
    assert (len(planned["changes"]), calls) == (2, ["ListRoles"])
    created, calls = step(*both)
    assert created["changes"] == planned["changes"]
    create = ["CreateRole", "AttachRolePolicy"]
    assert calls == ["ListRoles", *create, "PutRolePolicy", *create]
    assert step(*both)[1] == READS

    # Somebody gives a role more, and one of the roles is to be another.
    by_hand = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="mlops-life-b", PolicyArn=by_hand)
    most = json.dumps(policy(NotAction="a:B", Resource="*"))
    iam.put_role_policy(RoleName="mlops-life-b", PolicyName="most", PolicyDocument=most)
    trust = policy(Action="sts:AssumeRole", Principal={"Service": "eks.amazonaws.com"})
    changed = role("a", assume_role_policy=trust, max_session_duration=7200), both[1]
    planned, calls = step(*changed, check=True)
    assert calls == READS
    result, calls = step(*changed)
    assert result["changes"] == planned["changes"]
    assert [change["fields"] for change in result["changes"]] == [
        ["assume_role_policy", "max_session_duration"],
        ["inline_policies", "managed_policies"],
    ]
    assert calls[2:] == [
        "UpdateRole",
        "UpdateAssumeRolePolicy",
        "DetachRolePolicy",
        "DeleteRolePolicy",
    ]
    result, calls = step(*changed)
    assert (result["changed"], calls) == (False, READS)

    iam.create_instance_profile(InstanceProfileName="mlops-life")
    iam.add_role_to_instance_profile(InstanceProfileName="mlops-life", RoleName="mlops-life-a")
    planned, _ = step(*changed, state="absent", check=True)
    result, _ = step(*changed, state="absent")
    assert result["changes"] == planned["changes"]
    assert [change["name"] for change in result["changes"]] == [
        "mlops-life",
        "mlops-life-a",
        "mlops-life-b",
    ]
    result, calls = step(*changed, state="absent")
    assert (result["changed"], result["roles"], calls) == (False, [], ["ListRoles"])
