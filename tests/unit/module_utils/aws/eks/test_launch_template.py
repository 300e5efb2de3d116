"""The launch template of a node group against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.launch_template import (
    TAGGED,
    data_of,
    settings_of,
    wanted_settings,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup import (
    ensure_nodegroup,
)
from support.scripted_aws import ScriptedAws
from support.scripted_nodegroup import (
    ARN,
    CREATION,
    NAMES,
    ROLE,
    expect_cluster,
    expect_existing,
    expect_no_nodegroup,
    expect_no_template,
    expect_version_update,
    nodegroup,
)
from support.scripted_nodegroup import (
    params as nodegroup_params,
)

NAME = "mlops-gpu"
ID = "lt-0123456789abcdef0"
OPTIONS = {
    "disk_size": 100,
    "disk_type": "gp3",
    "disk_encrypted": True,
    "disk_kms_key": None,
    "http_put_response_hop_limit": 1,
}
TAGS = [{"Key": "Name", "Value": NAME}, {"Key": "Project", "Value": "mlops"}]
DATA: Fields = {
    "BlockDeviceMappings": [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {
                "DeleteOnTermination": True,
                "Encrypted": True,
                "VolumeSize": 100,
                "VolumeType": "gp3",
            },
        }
    ],
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    "TagSpecifications": [{"ResourceType": kind, "Tags": TAGS} for kind in TAGGED],
}
SMALL = {**DATA, "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50}}]}
TEMPLATE_TYPE = "AWS::EC2::LaunchTemplate"


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def params(**changes: Any) -> Fields:
    """Return the options of a node group with a launch template."""
    return nodegroup_params(**{"launch_template": OPTIONS, **changes})


def in_use(version: int) -> Fields:
    """Return the field of a described node group that says which version its nodes have."""
    return {"launchTemplate": {"id": ID, "name": NAME, "version": str(version)}}


def expect_template(script: ScriptedAws, versions: dict[int, Fields], default: int = 1) -> None:
    """Expect a look at the template, which has these versions."""
    described = [
        {
            "LaunchTemplateId": ID,
            "LaunchTemplateName": NAME,
            "VersionNumber": number,
            "DefaultVersion": number == default,
            "LaunchTemplateData": data,
        }
        for number, data in versions.items()
    ]
    script.answer(
        "ec2",
        "describe_launch_template_versions",
        {"LaunchTemplateVersions": described},
        LaunchTemplateName=NAME,
    )


def expect_new_version(script: ScriptedAws, number: int, data: Fields = DATA) -> None:
    """Expect a version to be made the default."""
    script.answer(
        "ec2",
        "create_launch_template_version",
        {"LaunchTemplateVersion": {"VersionNumber": number}},
        LaunchTemplateId=ID,
        LaunchTemplateData=data,
    )
    expect_default(script, number)


def expect_default(script: ScriptedAws, number: int) -> None:
    """Expect a version to become the default."""
    script.answer(
        "ec2", "modify_launch_template", {}, LaunchTemplateId=ID, DefaultVersion=str(number)
    )


def expect_deletion(script: ScriptedAws, *numbers: int, refused: str = "") -> None:
    """Expect versions to be deleted."""
    failure = {"VersionNumber": numbers[0], "ResponseError": {"Message": refused}}
    script.answer(
        "ec2",
        "delete_launch_template_versions",
        {"UnsuccessfullyDeletedLaunchTemplateVersions": [failure] if refused else []},
        LaunchTemplateName=NAME,
        Versions=[str(number) for number in numbers],
    )


def expect_creation(script: ScriptedAws) -> None:
    """Expect the node group to be created with the first version."""
    template = {"name": NAME, "version": "1"}
    request = {**CREATION, "launchTemplate": template}
    script.answer("eks", "create_nodegroup", nodegroup(status="CREATING"), **request)
    expect_existing(script, **in_use(1))


def test_data_says_all_the_settings() -> None:
    options = OPTIONS | {"disk_kms_key": "alias/nodes", "http_put_response_hop_limit": 2}
    settings = wanted_settings(options, NAME, {"Project": "mlops"})
    data = data_of(settings)
    assert data["BlockDeviceMappings"][0]["Ebs"]["KmsKeyId"] == "alias/nodes"
    assert settings_of(data) == settings


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"BlockDeviceMappings": [{"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 100}}]},
        {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "NoDevice": ""}]},
        {"TagSpecifications": [{"ResourceType": "instance", "Tags": TAGS}]},
    ],
)
def test_what_others_made_differs(data: Fields) -> None:
    wanted = wanted_settings(OPTIONS, NAME, {"Project": "mlops"})
    settings = settings_of(data)
    assert (settings["disk_size"], settings["tags"]) == (None, None)
    assert set(settings) == set(wanted)


def test_the_template_is_made_before_the_node_group(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_cluster(script)
    expect_no_template(script)
    script.answer(
        "ec2",
        "create_launch_template",
        {"LaunchTemplate": {"LaunchTemplateId": ID}},
        LaunchTemplateName=NAME,
        LaunchTemplateData=DATA,
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": TAGS}],
    )
    expect_creation(script)
    result = ensure_nodegroup(script.aws(), params())
    assert result["changes"] == [
        {"action": "create", "type": TEMPLATE_TYPE, "name": NAME},
        {"action": "create", "type": "AWS::EKS::Nodegroup", "name": "mlops/gpu"},
    ]
    assert result["diff"]["before"] == {}


def test_check_mode_plans_both_in_an_empty_account(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_no_template(script)
    result = ensure_nodegroup(script.aws(check_mode=True), params())
    assert [change["action"] for change in result["changes"]] == ["create", "create"]
    after = result["diff"]["after"]
    assert after["launch_template_version"] == "1"
    assert after["launch_template"]["disk_size"] == 100


def test_an_interrupted_run_goes_on_with_its_template(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_cluster(script)
    expect_template(script, {1: DATA})
    expect_creation(script)
    result = ensure_nodegroup(script.aws(), params())
    assert [change["type"] for change in result["changes"]] == ["AWS::EKS::Nodegroup"]


@pytest.mark.parametrize("wait", [True, False])
def test_second_run_changes_nothing(script: ScriptedAws, wait: bool) -> None:
    expect_existing(script, **in_use(1))
    expect_template(script, {1: DATA})
    assert not ensure_nodegroup(script.aws(wait=wait), params())["changed"]


def test_order_of_tags_means_nothing(script: ScriptedAws) -> None:
    tags = [{"ResourceType": kind, "Tags": TAGS[::-1]} for kind in reversed(TAGGED)]
    expect_existing(script, **in_use(1))
    expect_template(script, {1: {**DATA, "TagSpecifications": tags}})
    assert not ensure_nodegroup(script.aws(), params())["changed"]


def test_a_difference_is_one_new_version_and_one_update(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    expect_template(script, {1: SMALL})
    expect_new_version(script, 2)
    expect_version_update(script, launchTemplate={"name": NAME, "version": "2"})
    expect_existing(script, **in_use(2))
    expect_deletion(script, 1)
    result = ensure_nodegroup(script.aws(), params())
    template, group = result["changes"]
    assert (template["type"], template["action"]) == (TEMPLATE_TYPE, "update")
    assert {"disk_size", "default_version"} <= set(template["fields"])
    assert group["fields"] == ["launch_template_version"]
    assert result["diff"]["before"]["launch_template"]["disk_size"] == 50


def test_template_and_kubernetes_change_in_one_update(script: ScriptedAws) -> None:
    expect_existing(script, version="1.33", **in_use(1))
    expect_cluster(script)
    expect_template(script, {1: SMALL})
    expect_new_version(script, 2)
    template = {"name": NAME, "version": "2"}
    expect_version_update(script, version="1.34", launchTemplate=template)
    expect_existing(script, **in_use(2))
    expect_deletion(script, 1)
    result = ensure_nodegroup(script.aws(), params(version="1.34"))
    assert result["changes"][1]["fields"] == ["launch_template_version", "version"]


def test_changed_tags_reach_the_template_its_nodes_and_the_node_group(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    expect_template(script, {1: DATA})
    new = [{"Key": "Name", "Value": NAME}, {"Key": "Owner", "Value": "ml"}]
    script.answer("ec2", "delete_tags", {}, Resources=[ID], Tags=[{"Key": "Project"}])
    script.answer("ec2", "create_tags", {}, Resources=[ID], Tags=new[1:])
    specifications = [{"ResourceType": kind, "Tags": new} for kind in TAGGED]
    expect_new_version(script, 2, {**DATA, "TagSpecifications": specifications})
    expect_version_update(script, launchTemplate={"name": NAME, "version": "2"})
    script.answer("eks", "untag_resource", {}, resourceArn=ARN, tagKeys=["Project"])
    script.answer("eks", "tag_resource", {}, resourceArn=ARN, tags={"Owner": "ml"})
    expect_existing(script, **in_use(2))
    expect_deletion(script, 1)
    result = ensure_nodegroup(script.aws(), params(tags={"Owner": "ml"}))
    assert result["changes"][1]["fields"] == ["launch_template_version", "tags"]


def test_tags_that_no_option_sets_stay(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    expect_template(script, {1: DATA})
    assert not ensure_nodegroup(script.aws(), params(tags=None))["changed"]


def test_a_run_interrupted_before_the_update_goes_on(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(2))
    expect_template(script, {1: SMALL, 2: SMALL, 3: DATA}, default=2)
    expect_default(script, 3)
    expect_deletion(script, 1)
    expect_version_update(script, launchTemplate={"name": NAME, "version": "3"})
    expect_existing(script, **in_use(3))
    expect_deletion(script, 2)
    assert ensure_nodegroup(script.aws(), params())["changed"]


def test_a_run_interrupted_after_the_update_only_deletes_the_old_version(
    script: ScriptedAws,
) -> None:
    expect_existing(script, **in_use(2))
    expect_template(script, {1: SMALL, 2: DATA}, default=2)
    expect_deletion(script, 1)
    result = ensure_nodegroup(script.aws(), params())
    assert [change["fields"] for change in result["changes"]] == [["versions"]]


def test_without_a_wait_the_old_version_stays(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    expect_template(script, {1: SMALL})
    expect_new_version(script, 2)
    update = {"id": "v", "type": "VersionUpdate", "status": "InProgress"}
    template = {"name": NAME, "version": "2"}
    script.answer(
        "eks", "update_nodegroup_version", {"update": update}, **NAMES, launchTemplate=template
    )
    expect_existing(script, status="UPDATING", **in_use(1))
    assert ensure_nodegroup(script.aws(wait=False), params())["changed"]


def test_a_version_that_ec2_keeps_is_an_error(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(2))
    expect_template(script, {1: SMALL, 2: DATA}, default=2)
    expect_deletion(script, 1, refused="in use")
    expected = "launch template mlops-gpu: version 1 is not deleted: in use"
    with pytest.raises(AwsError, match=expected):
        ensure_nodegroup(script.aws(), params())


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_node_group_without_template_is_refused_before_any_write(
    script: ScriptedAws, check_mode: bool
) -> None:
    expect_existing(script)
    expected = "EKS cannot change launch_template_name: None to mlops-gpu; make a node group of"
    with pytest.raises(AwsError, match=expected):
        ensure_nodegroup(script.aws(check_mode=check_mode), params())


def test_the_template_goes_after_the_node_group(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    expect_no_nodegroup(script)
    expect_template(script, {1: DATA})
    script.answer("ec2", "delete_launch_template", {}, LaunchTemplateId=ID)
    result = ensure_nodegroup(script.aws(), params(state="absent"))
    assert [change["type"] for change in result["changes"]] == [
        "AWS::EKS::Nodegroup",
        TEMPLATE_TYPE,
    ]


def test_a_template_that_outlived_its_node_group_goes(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    expect_template(script, {1: DATA})
    script.answer("ec2", "delete_launch_template", {}, LaunchTemplateId=ID)
    result = ensure_nodegroup(script.aws(wait=False), params(state="absent"))
    assert [change["type"] for change in result["changes"]] == [TEMPLATE_TYPE]


def test_without_a_wait_the_template_stays_while_nodes_go(script: ScriptedAws) -> None:
    expect_existing(script, **in_use(1))
    script.answer("eks", "delete_nodegroup", nodegroup(status="DELETING"), **NAMES)
    result = ensure_nodegroup(script.aws(wait=False), params(state="absent"))
    assert [change["type"] for change in result["changes"]] == ["AWS::EKS::Nodegroup"]


def test_a_key_without_encryption_is_refused(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    options = OPTIONS | {"disk_encrypted": False, "disk_kms_key": "alias/nodes"}
    with pytest.raises(AwsError, match="launch_template: disk_kms_key needs disk_encrypted"):
        ensure_nodegroup(script.aws(), params(launch_template=options))


def test_a_name_that_is_too_long_for_ec2_is_refused(script: ScriptedAws) -> None:
    expect_no_nodegroup(script)
    script.stub("eks")
    with pytest.raises(AwsError, match="has 129 characters, but EC2 allows 128: shorten the name"):
        ensure_nodegroup(
            script.aws(check_mode=True),
            params(cluster_name="c" * 100, name="n" * 28, node_role=ROLE),
        )
