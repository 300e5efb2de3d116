"""The playbooks `sleep.yml`, `wake.yml` and `destroy.yml` in an emulated account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    Emulator,
    trust,
)
from support.playbook_run import PlaybookRun, run_playbook

AWAKE = {
    "system": {"minSize": 2, "maxSize": 3, "desiredSize": 2},
    "gpu": {"minSize": 0, "maxSize": 2, "desiredSize": 1},
}
ASLEEP = {name: {**sizes, "minSize": 0, "desiredSize": 0} for name, sizes in AWAKE.items()}
PRINT = "Print running nodes and current cost"

Sizes = Callable[[], dict[str, dict[str, int]]]
Play = Callable[..., PlaybookRun]


@pytest.fixture
def sizes(
    eks: Any, cluster: str, subnets: list[str], service_roles: dict[str, str]
) -> Iterator[Sizes]:
    """Return a function that asks for the sizes of two node groups by their names."""
    for name, scaling in AWAKE.items():
        eks.create_nodegroup(
            clusterName=cluster,
            nodegroupName=name,
            subnets=subnets,
            nodeRole=service_roles["ec2"],
            scalingConfig=scaling,
        )

    def ask() -> dict[str, dict[str, int]]:
        groups = {
            name: eks.describe_nodegroup(clusterName=cluster, nodegroupName=name) for name in AWAKE
        }
        return {name: group["nodegroup"]["scalingConfig"] for name, group in groups.items()}

    yield ask
    for name in AWAKE:
        eks.delete_nodegroup(clusterName=cluster, nodegroupName=name)


@pytest.fixture
def play(emulator: Emulator, tmp_path: Path) -> Play:
    """Return a function that runs a playbook against the emulated AWS."""
    environment = {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    def run(
        name: str, *arguments: str, credentials: dict[str, str] | None = None, **variables: Any
    ) -> PlaybookRun:
        return run_playbook(
            f"playbooks/{name}.yml",
            *arguments,
            platform_environment={**environment, **(credentials or {})},
            platform_state_dir=str(tmp_path),
            **variables,
        )

    return run


def changes(emulator: Emulator) -> list[str]:
    """Return the actions so far that create, change or delete something."""
    lines = emulator.request_log.read_text().splitlines()
    actions = (json.loads(line)["action"] for line in lines)
    return [action for action in actions if not action.startswith(("Describe", "Get", "List"))]


def test_nodes_sleep_and_wake_and_each_only_once(play: Play, sizes: Sizes) -> None:
    planned = play("sleep", "--check")
    assert planned.status == "successful", planned.output
    assert (planned.changed, sizes()) == (["Scale the node groups to zero"], AWAKE)

    asleep = play("sleep")
    assert (asleep.changed, sizes()) == (["Scale the node groups to zero"], ASLEEP)
    printed = asleep.result(PRINT)["msg"].split("\n")
    assert printed[:2] == ["system nodes: 0", "gpu nodes: 0"]
    assert any(line.startswith("asleep (no node)") for line in printed)
    assert play("sleep").changed == []

    # The GPU nodes above the minimum are the autoscaler's.
    awake = {**AWAKE, "gpu": {**AWAKE["gpu"], "desiredSize": 0}}
    assert (play("wake").changed, sizes()) == (["Scale the node groups up"], awake)
    assert play("wake").changed == []


@pytest.mark.usefixtures("emulator")
def test_how_deep_to_sleep_is_one_of_two(play: Play, emulator: Emulator) -> None:
    before = emulator.request_log.read_text() if emulator.request_log.exists() else ""
    refused = play("sleep", sleep_mode="forever")
    assert refused.failures == [
        'sleep_mode is "forever"; it must be "nodes", which stops the nodes, or "deep", which '
        "removes cluster and network too."
    ]
    after = emulator.request_log.read_text() if emulator.request_log.exists() else ""
    assert after == before


def test_deep_sleep_leaves_an_empty_account_as_it_is(play: Play, emulator: Emulator) -> None:
    before = changes(emulator)
    # Other tests may have left a key of the usual name.
    run = play("sleep", sleep_mode="deep", platform_name="nobody")
    assert (run.status, run.changed) == ("successful", []), run.output
    assert changes(emulator) == before
    printed = run.result("Print the cost estimate")["msg"].split("\n")
    assert any(line.startswith("deep asleep") for line in printed)


def test_deep_sleep_is_refused_before_a_protected_cluster_loses_anything(
    play: Play, emulator: Emulator, eks: Any, cluster: str
) -> None:
    eks.update_cluster_config(name=cluster, deletionProtection=True)
    before = changes(emulator)
    refused = play("sleep", sleep_mode="deep")
    assert refused.failures == [
        "cluster mlops has deletion protection; turn that off first, or delete it with force"
    ]
    assert changes(emulator) == before
    eks.update_cluster_config(name=cluster, deletionProtection=False)


def test_the_role_that_is_deleted_last_may_not_destroy(
    play: Play, emulator: Emulator, client: Callable[[str], Any]
) -> None:
    iam, sts = client("iam"), client("sts")
    role = iam.create_role(RoleName="nobody-operator", AssumeRolePolicyDocument=trust("ec2"))[
        "Role"
    ]
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="jane")["Credentials"]
    credentials = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    before = changes(emulator)
    run = play("destroy", credentials=credentials, platform_name="nobody", confirm="nobody")
    iam.delete_role(RoleName="nobody-operator")

    assert run.failures == [
        "You are arn:aws:sts::123456789012:assumed-role/nobody-operator/jane, and the role "
        "nobody-operator is deleted too. Nothing has been deleted. Run it as somebody else who may "
        "delete IAM roles."
    ]
    assert changes(emulator) == [*before, "DeleteRole"]
