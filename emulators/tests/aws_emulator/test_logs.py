"""Each correction to moto's CloudWatch Logs, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"


def test_settings_of_a_log_group(client: Callable[[str], Any]) -> None:
    logs, name = client("logs"), {"logGroupName": "/mlops/settings"}
    logs.create_log_group(**name, tags={"Name": "mlops"})

    def group() -> dict[str, Any]:
        found: list[dict[str, Any]] = logs.describe_log_groups(logGroupNamePrefix="/mlops/set")[
            "logGroups"
        ]
        return found[0]

    logs.associate_kms_key(**name, kmsKeyId=KEY)
    assert group()["kmsKeyId"] == KEY
    logs.disassociate_kms_key(resourceIdentifier=group()["arn"])
    assert "kmsKeyId" not in group()
    logs.put_retention_policy(**name, retentionInDays=30)
    assert group()["retentionInDays"] == 30
    wrong, absent = {**name, "retentionInDays": 31}, {"logGroupName": "absent"}
    check_refusals(
        logs,
        [
            ("put_retention_policy", wrong, "InvalidParameterException", "31"),
            (
                "put_retention_policy",
                absent | {"retentionInDays": 30},
                "ResourceNotFoundException",
                "",
            ),
            ("associate_kms_key", absent | {"kmsKeyId": KEY}, "ResourceNotFoundException", ""),
        ],
    )
    logs.delete_log_group(**name)
