"""Each correction to moto's CloudWatch Logs, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def test_settings_of_a_log_group(client: Callable[[str], Any]) -> None:
    logs, name = client("logs"), {"logGroupName": "/mlops/settings"}
    logs.create_log_group(**name, tags={"Name": "mlops"})

    def group() -> dict[str, Any]:
        found: list[dict[str, Any]] = logs.describe_log_groups(logGroupNamePrefix="/mlops/set")[
            "logGroups"
        ]
        return found[0]

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
        ],
    )
    logs.delete_log_group(**name)
