"""Each correction to moto's KMS, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

ALIAS = "alias/mlops-kms"


@pytest.fixture
def kms(client: Callable[[str], Any]) -> Any:
    """A KMS client."""
    return client("kms")


@pytest.fixture
def key(kms: Any) -> Any:
    """A key with an alias, which the test leaves pending deletion."""
    tags = [{"TagKey": "a", "TagValue": "1"}]
    created = kms.create_key(Tags=tags, Description="mlops")["KeyMetadata"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=created["Arn"])
    yield created
    kms.delete_alias(AliasName=ALIAS)
    assert kms.describe_key(KeyId=created["Arn"])["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_every_call_takes_an_arn(kms: Any, key: dict[str, Any]) -> None:
    arn, key_id = key["Arn"], key["KeyId"]
    alias_arn = arn.partition("key/")[0] + ALIAS
    for name in (arn, key_id, ALIAS, alias_arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn
    kms.tag_resource(KeyId=arn, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=arn, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=arn)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    kms.enable_key_rotation(KeyId=arn)
    assert kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"]
    kms.update_key_description(KeyId=arn, Description="other")
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"] == "other"
    assert kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    aliases = kms.list_aliases(KeyId=arn)["Aliases"]
    assert [alias["AliasName"] for alias in aliases] == [ALIAS]
    answer = kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert (answer["KeyId"], answer["KeyState"]) == (arn, "PendingDeletion")


def test_key_that_is_pending_deletion_cannot_be_changed(kms: Any, key: dict[str, Any]) -> None:
    arn = {"KeyId": key["Arn"]}
    window = {"PendingWindowInDays": 6}
    check_refusals(kms, [("schedule_key_deletion", arn | window, "ValidationException", "7")])
    kms.schedule_key_deletion(**arn, PendingWindowInDays=7)
    code, tags = "KMSInvalidStateException", {"Tags": [{"TagKey": "b", "TagValue": "2"}]}
    check_refusals(
        kms,
        [
            ("schedule_key_deletion", arn, code, "is pending deletion"),
            ("tag_resource", arn | tags, code, "is pending deletion"),
            ("enable_key_rotation", arn, code, "is pending deletion"),
        ],
    )


def test_absent_key(kms: Any) -> None:
    arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    for name in (arn, "alias/absent"):
        refusal = ("describe_key", {"KeyId": name}, "NotFoundException", name)
        check_refusals(kms, [refusal] if "alias" in name else [(*refusal[:3], "does not exist")])
