"""The health page, and that moto is set up as the platform needs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from ansible_collections.mlops.gpu_platform.tests.unit.aws_emulator.conftest import Emulator


def test_health_page_answers_without_credentials(emulator: Emulator) -> None:
    with urlopen(emulator.url, timeout=5) as answer:
        assert answer.status == 200
        assert json.load(answer)["emulates"] == "aws"


def test_managed_policies_can_be_attached(client: Callable[[str], Any]) -> None:
    iam = client("iam")
    iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    iam.attach_role_policy(RoleName="node", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="node")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]
