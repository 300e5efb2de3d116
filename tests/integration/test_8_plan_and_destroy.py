"""The plan of a full account, its sleep, and the end of the platform with its receipt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Aws
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.common import Owner
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.platform import (
    find_items,
)
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.playbook_plan import plan_of
from support.local_platform import (
    aws_changes,
    aws_client,
    fault,
    kubernetes_objects,
    nothing_changes,
    playbooks_requests,
)
from support.playbook_run import OTHER_TAINTS, STATE, PlaybookRun, run_plan, run_playbook
from support.policy_check import PLATFORM_TAGS, check_policy, explained_actions, operator_policies

pytestmark = pytest.mark.usefixtures("platform")

NAME = "mlops"
PLATFORM = {"Platform": NAME, "ManagedBy": "mlops.gpu_platform"}
OWNER = [{"Key": key, "Value": value} for key, value in PLATFORM.items()]
# What must be gone before what: pairs of calls in the request log.
ORDER = [
    ("DeleteScheduleGroup", "DeleteNodegroup"),
    ("DeleteNodegroup", "DeleteCluster"),
    ("DeleteCluster", "DeleteSubnet"),
    ("DeleteNatGateway", "ReleaseAddress"),
    ("DeleteSubnet", "DeleteVpc"),
    ("DetachInternetGateway", "DeleteInternetGateway"),
    ("DeleteCluster", "DeleteRole"),
]


def destroy(*arguments: str, **variables: Any) -> PlaybookRun:
    """Run the teardown with the name confirmed."""
    return run_playbook("playbooks/destroy.yml", *arguments, **{"confirm": NAME, **variables})


def words(run: PlaybookRun) -> str:
    """Return what a run printed, without the line breaks of the terminal."""
    return " ".join(run.output.split())


def receipts() -> list[dict[str, Any]]:
    """Return the receipts, the oldest first."""
    files = sorted(STATE.glob("receipts/*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def test_the_plan_of_a_full_account_is_empty(tmp_path: Path) -> None:
    with nothing_changes():
        run, planned = run_plan(tmp_path)
    assert run.return_code == 0, run.output
    assert (planned["result"], planned["changes"]) == ("unchanged", [])


def test_the_plan_names_the_fields_that_change_and_what_follows_from_them(tmp_path: Path) -> None:
    stages = "--tags=ecr_repository,model_repository,triton_image,triton_release"
    changes = {"ecr_repository_keep_images": 12, "model_repository_tensorrt": True}
    with nothing_changes():
        run, planned = run_plan(tmp_path, stages, **changes)
    assert run.return_code == 2
    *models, repository, image, release = planned["changes"]
    assert {change["type"] for change in models} == {"TritonModel"}
    assert all(change["fields"] == ["config.pbtxt"] for change in models)
    assert (repository["type"], repository["name"]) == ("AWS::ECR::Repository", f"{NAME}/triton")
    assert repository["fields"] == ["lifecycle_policy"]
    assert (image["type"], image["fields"]) == ("ImageBuildContext", ["tag"])
    assert (release["type"], release["name"]) == ("HelmRelease", "triton/triton")
    assert {change["action"] for change in planned["changes"]} == {"update"}
    assert planned["cost"]["hourly"] == 0
    [message] = run.failures
    count = len(planned["changes"])
    assert message.startswith(f"Changes are pending: 0 to create, {count} to change, 0 to delete.")


def test_a_plan_that_would_fail_is_an_error(tmp_path: Path) -> None:
    run, planned = run_plan(tmp_path, aws_network_cidr="10.0.0.0/99")
    assert run.return_code == 2
    assert planned["result"] == "error"
    assert "aws_network_cidr" in planned["errors"][0]
    assert run.failures[0].startswith("There is no plan")


@pytest.mark.parametrize(
    ("role", "variables", "updates"),
    [
        (
            "gpu_node_group",
            {"gpu_node_group_labels": {"team": "vision"}},
            ["UpdateNodegroupConfig", "CreateOrUpdateTags"],
        ),
        (
            "gpu_node_group",
            {
                "gpu_node_group_labels": {"team": "vision"},
                "gpu_node_group_taints": [
                    OTHER_TAINTS[0],
                    OTHER_TAINTS[1] | {"effect": "NoExecute"},
                ],
            },
            ["UpdateNodegroupConfig", "CreateOrUpdateTags"],
        ),
        ("ecr_repository", {"ecr_repository_keep_images": 11}, ["PutLifecyclePolicy"]),
        (
            "ecr_repository",
            {"ecr_repository_tags": {**PLATFORM, "Team": "vision"}},
            ["PutLifecyclePolicy", "TagResource"],
        ),
    ],
    ids=["label", "taint", "policy", "tag"],
)
def test_one_change_is_one_update(role: str, variables: dict[str, Any], updates: list[str]) -> None:
    begun = len(aws_changes())
    run = run_playbook("playbooks/infrastructure.yml", f"--tags={role}", **variables)
    assert run.return_code == 0, run.output
    assert aws_changes()[begun:] == updates


def test_a_new_version_is_one_update_of_each_part() -> None:
    begun = len(aws_changes())
    run = run_playbook("playbooks/infrastructure.yml", eks_cluster_version="1.35")
    assert run.return_code == 0, run.output
    updates = [action for action in aws_changes()[begun:] if action.startswith("Update")]
    assert updates[0] == "UpdateClusterVersion"
    assert updates.count("UpdateClusterVersion") == 1
    assert updates.count("UpdateNodegroupVersion") == 2


def types_at_aws() -> set[str]:
    """Return the types of what the platform has at AWS."""
    owner = Owner(PLATFORM, NAME)
    return {item.type.removeprefix("AWS::") for item in find_items(Aws(aws_client), owner)}


def system_nodes() -> int:
    """Return how many system nodes there are to be."""
    answer = aws_client("eks").describe_nodegroup(clusterName=NAME, nodegroupName="system")
    return int(answer["nodegroup"]["scalingConfig"]["desiredSize"])


def test_deep_sleep_leaves_only_what_must_stay() -> None:
    run = run_playbook("playbooks/sleep.yml", sleep_mode="deep")
    assert run.return_code == 0, run.output
    assert types_at_aws() == {
        "Budgets::Budget",
        "ECR::Repository",
        "IAM::OIDCProvider",
        "IAM::Role",
    }
    assert {"triton", "monitoring"} & {
        name.rpartition("/")[2] for name in kubernetes_objects() if name.startswith("Namespace ")
    } == set()


def test_it_wakes_from_deep_sleep_though_aws_throttles() -> None:
    with fault(error="Throttling", rate=0.2, seed=1):
        run = run_playbook("playbooks/wake.yml")
    assert run.return_code == 0, run.output
    assert list(run.stages) == ["Infrastructure", "Rollout", "Monitoring"]
    assert "Create the cluster" in run.changed
    assert run_playbook("playbooks/verify.yml").stages["Verification"].result == "ok"


def test_its_nodes_sleep_until_the_infrastructure_is_wanted_again() -> None:
    for playbook, size in (("sleep.yml", 0), ("infrastructure.yml --tags=eks_cluster", 2)):
        run = run_playbook(*f"playbooks/{playbook}".split())
        assert run.return_code == 0, run.output
        assert system_nodes() == size


def test_another_name_is_refused() -> None:
    with nothing_changes():
        run = destroy(confirm="mlops-prod")
    assert run.return_code == 2
    assert 'The platform is "mlops", but "mlops-prod" was confirmed' in run.failures[0]


def test_check_mode_tells_what_would_be_deleted() -> None:
    with nothing_changes():
        run = destroy("--check")
    assert run.return_code == 0, run.output
    assert "Delete the cluster" in run.changed
    table = run.result("Print the receipt")["msg"].split("\n")
    assert re.fullmatch(r"\d+ to delete, which would save 0\.\d{4} USD/h", table[-1])
    assert {line.partition("  ")[0] for line in table[:-1]} == {"to delete"}
    assert receipts() == []


def put_image(tag: str) -> None:
    """Put an image into the platform's repository."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/json", "size": 2, "digest": f"sha256:{'0' * 64}"},
        "layers": [],
    }
    text = json.dumps(manifest)
    aws_client("ecr").put_image(repositoryName=f"{NAME}/triton", imageManifest=text, imageTag=tag)


def test_a_protected_cluster_and_images_are_refused_unless_told() -> None:
    put_image("v1")
    protect = aws_client("eks").update_cluster_config
    protect(name=NAME, deletionProtection=True)
    with nothing_changes():
        run = destroy()
    protect(name=NAME, deletionProtection=False)

    assert run.return_code == 2
    assert f"AWS::EKS::Cluster {NAME} (0.1000 USD/h): it has deletion protection" in words(run)
    assert "-e destroy_protected=true" in words(run)
    assert "it holds images" in words(run)
    assert "-e destroy_images=true" in words(run)


def test_a_teardown_that_stops_says_so_and_the_next_one_goes_on() -> None:
    volume = aws_client("ec2").create_volume(
        Size=10,
        AvailabilityZone="eu-west-1a",
        TagSpecifications=[
            {
                "ResourceType": "volume",
                "Tags": [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}],
            }
        ],
    )["VolumeId"]
    begun = len(aws_changes())
    with fault(service="ec2", action="DeleteVpc", error="UnauthorizedOperation"):
        stopped = destroy(destroy_images=True)
    run = destroy(destroy_images=True)

    assert stopped.return_code == 2
    assert stopped.failures[-1].startswith("Something is left, which costs ")
    assert f"AWS::EC2::Volume {volume} (" in stopped.failures[-1]
    assert "It stopped at Build or tear down the network: " in stopped.failures[-1]
    assert stopped.failures[-1].endswith("The same command goes on from there.")
    assert run.return_code == 0, run.output
    first, second = receipts()
    assert "UnauthorizedOperation" in first["stopped"]
    assert "AWS::EKS::Cluster" in {resource["type"] for resource in first["deleted"]}
    assert {"AWS::EC2::VPC", "AWS::IAM::Role"} <= {resource["type"] for resource in first["left"]}
    assert first["hourly"]["before"] > first["hourly"]["left"] > 0
    assert (second["stopped"], second["left"]) == ("", [])
    assert second["before"] == second["deleted"] == first["left"]
    assert second["seconds"] > 0
    calls = aws_changes()[begun:]
    for earlier, later in ORDER:
        last_of_earlier = len(calls) - 1 - calls[::-1].index(earlier)
        assert last_of_earlier < calls.index(later), (earlier, later)


def orphan_role() -> Callable[[], Any]:
    iam = aws_client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"},
            }
        ],
    }
    document = json.dumps(trust)
    iam.create_role(RoleName="orphan", AssumeRolePolicyDocument=document, Tags=OWNER)
    return lambda: iam.delete_role(RoleName="orphan")


def orphan_address() -> Callable[[], Any]:
    ec2 = aws_client("ec2")
    tags = [{"ResourceType": "elastic-ip", "Tags": OWNER}]
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"]
    return lambda: ec2.release_address(AllocationId=address)


def orphan_topic() -> Callable[[], Any]:
    sns = aws_client("sns")
    topic = sns.create_topic(Name="orphan", Tags=OWNER)["TopicArn"]
    return lambda: sns.delete_topic(TopicArn=topic)


def test_orphans_are_named_with_their_cost() -> None:
    remove = [orphan() for orphan in (orphan_role, orphan_address, orphan_topic)]
    run = destroy()
    for each in remove:
        each()

    assert run.return_code == 2
    # Nothing else was there, and no role says that it has deleted something.
    assert run.changed == ["Write the receipt"]
    [message] = run.failures
    assert message.startswith("Something is left, which costs 0.005 USD an hour as far")
    assert "AWS::IAM::Role orphan" in message
    assert "AWS::EC2::EIP" in message
    assert "0.0050 USD/h" in message
    assert "AWS::SNS::Topic" in message
    assert len(receipts()[-1]["left"]) == 3


@pytest.fixture(scope="module")
def partial_plan(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Make a network only, and plan what is missing; return types and names."""
    network = run_playbook("playbooks/infrastructure.yml", "--tags=aws_identity,aws_network")
    assert network.return_code == 0, network.output
    with nothing_changes():
        run, planned = run_plan(tmp_path_factory.mktemp("plan"))
    assert run.return_code == 2
    # The key waits for its deletion, which is taken back.
    others = {change["type"] for change in planned["changes"] if change["action"] != "create"}
    assert others == {"AWS::KMS::Key"}
    assert planned["cost"]["hourly"] > 0.1
    return {(change["type"], change["name"]) for change in planned["changes"]}


def test_the_plan_of_a_partial_account_has_only_what_is_missing(
    partial_plan: set[tuple[str, str]],
) -> None:
    types = {type_ for type_, _ in partial_plan}
    assert not types & {"AWS::EC2::VPC", "AWS::IAM::Role", "TritonModel", "ImageBuildContext"}
    assert {"AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "AWS::ECR::Repository"} <= types


def test_it_is_created_again_as_planned(partial_plan: set[tuple[str, str]]) -> None:
    run = run_playbook("site.yml")
    assert run.return_code == 0, run.output
    changes = plan_of(run.events, {}, {})["changes"]
    made = {(change["type"], change["name"]) for change in changes}
    assert made == partial_plan


def test_the_operator_s_policies_are_enough_and_nothing_more() -> None:
    verdict = check_policy(playbooks_requests(), operator_policies(), PLATFORM_TAGS)
    assert verdict.denied == []
    assert verdict.unused <= explained_actions()
