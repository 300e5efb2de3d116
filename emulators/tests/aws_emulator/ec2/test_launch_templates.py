"""Each correction to moto's launch templates, through boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)

NAME = {"LaunchTemplateName": "mlops-gpu"}
DATA = {
    "BlockDeviceMappings": [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"VolumeSize": 100, "VolumeType": "gp3", "Encrypted": True},
        }
    ],
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "mlops-gpu"}]},
        {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "mlops-gpu"}]},
    ],
}
TAGS = [{"Key": "Platform", "Value": "mlops"}]


def versions(ec2: Any, *numbers: str) -> list[dict[str, Any]]:
    """Return versions by their numbers, or all."""
    found: list[dict[str, Any]] = ec2.describe_launch_template_versions(
        **NAME, Versions=list(numbers)
    )["LaunchTemplateVersions"]
    return found


@pytest.fixture
def template(ec2: Any) -> Iterator[dict[str, Any]]:
    """A launch template with tags of its own."""
    yield ec2.create_launch_template(
        **NAME,
        LaunchTemplateData=DATA,
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": TAGS}],
    )["LaunchTemplate"]
    deleted = ec2.delete_launch_template(**NAME)["LaunchTemplate"]
    assert deleted["LaunchTemplateName"] == NAME["LaunchTemplateName"]


def test_own_tags_are_no_part_of_the_data(ec2: Any, template: dict[str, Any]) -> None:
    assert template["Tags"] == TAGS
    assert versions(ec2, "$Latest")[0]["LaunchTemplateData"] == DATA
    ec2.create_tags(
        Resources=[template["LaunchTemplateId"]], Tags=[{"Key": "Owner", "Value": "me"}]
    )
    filters = [{"Name": "tag:Owner", "Values": ["me"]}]
    (found,) = ec2.describe_launch_templates(Filters=filters)["LaunchTemplates"]
    assert found["Tags"] == [*TAGS, {"Key": "Owner", "Value": "me"}]


def test_new_version_is_the_latest_and_not_the_default(ec2: Any, template: dict[str, Any]) -> None:
    whole = {**DATA, "InstanceType": "g4dn.xlarge", "UserData": "aGVsbG8="}
    created = ec2.create_launch_template_version(**NAME, LaunchTemplateData=whole)
    created = created["LaunchTemplateVersion"]
    assert (created["VersionNumber"], created["DefaultVersion"]) == (2, False)
    assert created["LaunchTemplateData"] == whole
    described = ec2.describe_launch_templates(LaunchTemplateIds=[template["LaunchTemplateId"]])
    (found,) = described["LaunchTemplates"]
    assert (found["DefaultVersionNumber"], found["LatestVersionNumber"]) == (1, 2)
    assert [each["VersionNumber"] for each in versions(ec2, "$Default", "$Latest")] == [1, 2]
    changed = ec2.modify_launch_template(**NAME, DefaultVersion="2")["LaunchTemplate"]
    assert changed["DefaultVersionNumber"] == 2


def test_version_begins_with_its_source(ec2: Any, template: dict[str, Any]) -> None:
    assert template["LatestVersionNumber"] == 1
    ec2.create_launch_template_version(
        **NAME, SourceVersion="1", LaunchTemplateData={"InstanceType": "g5.xlarge"}
    )
    (latest,) = versions(ec2, "$Latest")
    assert latest["LaunchTemplateData"] == {**DATA, "InstanceType": "g5.xlarge"}


def test_versions_can_be_deleted_but_for_the_default(ec2: Any, template: dict[str, Any]) -> None:
    assert template["DefaultVersionNumber"] == 1
    ec2.create_launch_template_version(**NAME, LaunchTemplateData=DATA)
    answer = ec2.delete_launch_template_versions(**NAME, Versions=["1", "2", "9"])
    done = answer["SuccessfullyDeletedLaunchTemplateVersions"]
    failed = answer["UnsuccessfullyDeletedLaunchTemplateVersions"]
    assert [each["VersionNumber"] for each in done] == [2]
    assert [each["VersionNumber"] for each in failed] == [1, 9]
    assert failed[1]["ResponseError"]["Code"] == "launchTemplateVersionDoesNotExist"
    ec2.create_launch_template_version(**NAME, LaunchTemplateData=DATA)
    assert [each["VersionNumber"] for each in versions(ec2)] == [1, 3]
    check_refusals(
        ec2,
        [
            (
                "describe_launch_template_versions",
                {**NAME, "Versions": ["2"]},
                "InvalidLaunchTemplateId.VersionNotFound",
                "2",
            ),
            (
                "modify_launch_template",
                {**NAME, "DefaultVersion": "2"},
                "InvalidLaunchTemplateId.VersionNotFound",
                "2",
            ),
        ],
    )


def test_absent_template(ec2: Any) -> None:
    by_id = {"LaunchTemplateIds": ["lt-0"]}
    by_name = {"LaunchTemplateNames": ["absent"]}
    no_name = "InvalidLaunchTemplateName.NotFoundException"
    check_refusals(
        ec2,
        [
            ("describe_launch_templates", by_id, "InvalidLaunchTemplateId.NotFound", "lt-0"),
            ("describe_launch_templates", by_name, no_name, ""),
            ("delete_launch_template", NAME, no_name, ""),
            ("delete_launch_template", {}, "MissingParameter", "template"),
        ],
    )
