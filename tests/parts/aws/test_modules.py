"""The AWS modules as Ansible calls them, against the emulated AWS: a life of each resource."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from aws_emulator.eks.clock import agenda

Result = tuple[dict[str, Any], list[str]]
Run = Callable[..., Result]
READS = ("Describe", "Get", "List")
# Options that are no fields of the resource, or that only a creation takes.
UNCOMPARED = frozenset({"resolve_conflicts", "node_role", "check_gpu_capacity"})


class Life(NamedTuple):
    """Options of a resource: its names, what it is created with, the same otherwise, a change.

    ``calls`` are the calls that write, in order, by step.
    """

    module: str
    names: dict[str, Any]
    options: dict[str, Any]
    same: dict[str, Any]
    change: dict[str, Any]
    calls: dict[str, list[str]]
    uncompared: frozenset[str] = UNCOMPARED


CONTROL_PLANE = Life(
    "eks_cluster",
    {"name": "mlops"},
    {
        "role": "mlops-eks",
        "version": "1.33",
        "subnet_filters": {"cidr-block": "10.9.*"},
        "logging": ["audit", "api"],
        "authentication_mode": "CONFIG_MAP",
        "support_type": "EXTENDED",
        "deletion_protection": True,
        "tags": {"Project": "mlops"},
    },
    {"role": "arn:aws:iam::123456789012:role/mlops-eks", "logging": ["api", "audit"]},
    {
        "version": "1.34",
        "endpoint_public_access": True,
        "public_access_cidrs": ["192.0.2.0/24"],
        "logging": [],
        "authentication_mode": "API",
        "support_type": "STANDARD",
        "deletion_protection": False,
        "tags": {"Owner": "mlops"},
    },
    {
        "create": ["CreateCluster"],
        "change": [
            "UpdateClusterVersion",
            *["UpdateClusterConfig"] * 6,
            "UntagResource",
            "TagResource",
        ],
        "delete": ["DeleteCluster"],
    },
    frozenset({"role", "subnet_filters"}),
)
CLUSTER = {"cluster_name": "mlops"}
ACCESS_ENTRY = Life(
    "eks_access_entry",
    {**CLUSTER, "principal": "mlops-a"},
    {
        "kubernetes_groups": ["b", "a"],
        "access_policies": [
            {"policy": "AmazonEKSViewPolicy", "namespaces": ["b", "a"]},
            {"policy": "AmazonEKSAdminViewPolicy"},
        ],
        "tags": {"Project": "mlops"},
    },
    {
        "kubernetes_groups": ["a", "b"],
        "access_policies": [
            {"policy": "AmazonEKSAdminViewPolicy"},
            {
                "policy": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
                "namespaces": ["a", "b"],
            },
        ],
    },
    {
        "kubernetes_groups": ["a"],
        "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        "tags": {"Owner": "mlops"},
    },
    {
        "create": ["CreateAccessEntry", "AssociateAccessPolicy", "AssociateAccessPolicy"],
        "change": [
            "UpdateAccessEntry",
            "DisassociateAccessPolicy",
            "AssociateAccessPolicy",
            "UntagResource",
            "TagResource",
        ],
        "delete": ["DeleteAccessEntry"],
    },
)
ADDON = Life(
    "eks_addon",
    {**CLUSTER, "name": "coredns"},
    {
        "version": "default",
        "configuration_values": {"replicaCount": 2, "resources": {"limits": {"cpu": 1}}},
        "service_account_role": "mlops-a",
        "resolve_conflicts": "PRESERVE",
        "tags": {"Project": "mlops"},
    },
    {
        "version": None,
        "configuration_values": {"resources": {"limits": {"cpu": 1}}, "replicaCount": 2},
        "service_account_role": "arn:aws:iam::123456789012:role/mlops-a",
    },
    {"version": "v1.12.4-eksbuild.2", "service_account_role": "mlops-b", "tags": {}},
    {
        "create": ["CreateAddon"],
        "change": ["UpdateAddon", "UntagResource"],
        "delete": ["DeleteAddon"],
    },
)
POD_IDENTITY = Life(
    "eks_pod_identity_association",
    {**CLUSTER, "namespace": "triton", "service_account": "triton"},
    {"role": "mlops-a", "tags": {"Project": "mlops"}},
    {"role": "arn:aws:iam::123456789012:role/mlops-a"},
    {"role": "mlops-b", "tags": {"Project": "other"}},
    {
        "create": ["CreatePodIdentityAssociation"],
        "change": ["UpdatePodIdentityAssociation", "TagResource"],
        "delete": ["DeletePodIdentityAssociation"],
    },
)
NODEGROUP = Life(
    "eks_nodegroup",
    {**CLUSTER, "name": "gpu"},
    {
        "node_role": "mlops-ec2",
        "version": "1.32",
        "ami_type": "AL2023_x86_64_NVIDIA",
        "capacity_type": "SPOT",
        "instance_types": ["g4dn.xlarge", "g5.xlarge"],
        "check_gpu_capacity": True,
        "launch_template": {"disk_size": 100},
        "max_size": 2,
        "labels": {"gpu": "true", "pool": "a"},
        "taints": [
            {"key": "gpu", "value": "true", "effect": "NoSchedule"},
            {"key": "drain", "effect": "NoExecute"},
        ],
        "node_template_tags": True,
        "tags": {"Project": "mlops", "Owner": "ml"},
    },
    {
        "node_role": "arn:aws:iam::123456789012:role/mlops-ec2",
        "launch_template": {"disk_size": 100, "disk_type": "gp3", "disk_encrypted": True},
        "labels": {"pool": "a", "gpu": "true"},
        "taints": [
            {"key": "drain", "value": "", "effect": "NoExecute"},
            {"key": "gpu", "value": "true", "effect": "NoSchedule"},
        ],
    },
    {
        "version": "1.33",
        "launch_template": {"disk_size": 120},
        "max_size": 3,
        "labels": {"gpu": "true"},
        "taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
        "tags": {"Project": "mlops", "Owner": "ops"},
    },
    {
        "create": ["CreateLaunchTemplate", "CreateNodegroup", "CreateOrUpdateTags"],
        "change": [
            "CreateTags",
            "CreateLaunchTemplateVersion",
            "ModifyLaunchTemplate",
            "UpdateNodegroupConfig",
            "UpdateNodegroupVersion",
            "DeleteTags",
            "CreateOrUpdateTags",
            "TagResource",
            "DeleteLaunchTemplateVersions",
        ],
        "delete": ["DeleteNodegroup", "DeleteLaunchTemplate"],
    },
)
OIDC_PROVIDER = Life(
    "iam_oidc_provider",
    {"url": "https://token.actions.githubusercontent.com"},
    {"client_ids": ["sts.amazonaws.com", "b"], "thumbprints": ["ab" * 20], "tags": {"a": "1"}},
    {"client_ids": ["b", "sts.amazonaws.com"], "thumbprints": ["AB" * 20]},
    {"client_ids": ["c", "b"], "thumbprints": ["cd" * 20], "tags": {"b": "2"}},
    {
        "create": ["CreateOpenIDConnectProvider"],
        "change": [
            "AddClientIDToOpenIDConnectProvider",
            "RemoveClientIDFromOpenIDConnectProvider",
            "UpdateOpenIDConnectProviderThumbprint",
            "UntagOpenIDConnectProvider",
            "TagOpenIDConnectProvider",
        ],
        "delete": ["DeleteOpenIDConnectProvider"],
    },
)
SCHEDULE = Life(
    "scheduler_schedule",
    {"name": "mlops-sleep"},
    {
        "expression": "cron(0 20 ? * MON-FRI *)",
        "timezone": "Europe/Berlin",
        "target_arn": "arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig",
        "role": "mlops-a",
        "input": {"ClusterName": "mlops", "ScalingConfig": {"MinSize": 0, "DesiredSize": 0}},
        "flexible_minutes": 15,
        "description": "Stop the nodes",
    },
    {
        "input": {"ScalingConfig": {"DesiredSize": 0, "MinSize": 0}, "ClusterName": "mlops"},
        "role": "arn:aws:iam::123456789012:role/mlops-a",
        "description": None,
    },
    {"expression": "rate(1 day)", "timezone": "UTC", "enabled": False, "role": "mlops-b"},
    {"create": ["CreateSchedule"], "change": ["UpdateSchedule"], "delete": ["DeleteSchedule"]},
)
SCHEDULE_GROUP = Life(
    "scheduler_schedule_group",
    {"name": "mlops"},
    {
        "schedules": [
            {"name": "stop", **SCHEDULE.options},
            {"name": "start", **SCHEDULE.options, "expression": "cron(0 8 ? * MON-FRI *)"},
        ],
        "tags": {"Project": "mlops"},
    },
    {
        "schedules": [
            {
                "name": "start",
                **SCHEDULE.options,
                **SCHEDULE.same,
                "expression": "cron(0 8 ? * MON-FRI *)",
            },
            {"name": "stop", **SCHEDULE.options, **SCHEDULE.same},
        ],
    },
    {
        "schedules": [
            {"name": "stop", **SCHEDULE.options, **SCHEDULE.change},
            {"name": "new", **SCHEDULE.options},
        ],
        "tags": {"Owner": "mlops"},
    },
    {
        "create": ["CreateScheduleGroup", "CreateSchedule", "CreateSchedule"],
        "change": [
            "UntagResource",
            "TagResource",
            "DeleteSchedule",
            "UpdateSchedule",
            "CreateSchedule",
        ],
        "delete": ["DeleteScheduleGroup"],
    },
)
TOPIC = "arn:aws:sns:us-east-1:123456789012:costs"
MAIL = "mlops@example.com"
BUDGET = Life(
    "budget",
    {"name": "mlops"},
    {
        "limit": 200,
        "cost_filters": {"TagKeyValue": ["user:Platform$mlops", "user:Platform$other"]},
        "notifications": [
            {"threshold": 80, "subscribers": [TOPIC, MAIL]},
            {"threshold": 100, "type": "FORECASTED", "subscribers": [TOPIC]},
        ],
        "tags": {"Project": "mlops"},
    },
    {
        "limit": "200.00",
        "cost_filters": {"TagKeyValue": ["user:Platform$other", "user:Platform$mlops"]},
        "account_id": "123456789012",
        "notifications": [
            {"threshold": 100.0, "type": "FORECASTED", "subscribers": [TOPIC]},
            {"threshold": "80", "subscribers": [MAIL, TOPIC]},
        ],
    },
    {
        "limit": 300.5,
        "notifications": [
            {"threshold": 80, "subscribers": [MAIL]},
            {"threshold": 100, "type": "FORECASTED", "subscribers": [TOPIC]},
        ],
        "tags": {"Owner": "mlops"},
    },
    {
        "create": ["CreateBudget"],
        "change": [
            "UpdateBudget",
            "DeleteNotification",
            "CreateNotification",
            "UntagResource",
            "TagResource",
        ],
        "delete": ["DeleteBudget"],
    },
)
LIVES = [
    CONTROL_PLANE,
    ACCESS_ENTRY,
    ADDON,
    POD_IDENTITY,
    NODEGROUP,
    OIDC_PROVIDER,
    SCHEDULE,
    SCHEDULE_GROUP,
    BUDGET,
]
each_life = pytest.mark.parametrize("life", LIVES, ids=lambda life: life.module)


def writes(request_log: Path, start: int) -> list[str]:
    """Return the calls that write, from a line of the request log on."""
    lines = request_log.read_text().splitlines()[start:]
    actions = [json.loads(line)["action"] for line in lines]
    return [action for action in actions if not action.startswith(READS)]


@pytest.fixture
def run(
    emulator: Emulator,
    client: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a module against the emulated AWS; return its result and the calls that write."""
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _self, service, config: client(service))

    def call(module: str, *options: dict[str, Any], **modes: bool) -> Result:
        name = f"ansible_collections.mlops.gpu_platform.plugins.modules.{module}"
        arguments: dict[str, Any] = {
            "region": "eu-west-1",
            **{key: value for given in options for key, value in given.items()},
            **{f"_ansible_{mode}": value for mode, value in modes.items()},
        }
        log = emulator.request_log
        start = len(log.read_text().splitlines()) if log.exists() else 0
        with patch_module_args(arguments), pytest.raises(SystemExit):
            importlib.import_module(name).main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result, writes(log, start)

    return call


@each_life
def test_check_mode_on_an_empty_account_plans(run: Run, life: Life) -> None:
    result, calls = run(life.module, life.names, life.options, check_mode=True, diff=True)
    assert result.get("msg") is None
    assert (result["changed"], calls) == (True, [])
    assert result["diff"]["before"] == {}
    assert set(life.options) - life.uncompared <= set(result["diff"]["after"])
    result, calls = run(life.module, life.names, {"state": "absent"}, check_mode=True)
    assert (result["changed"], calls) == (False, [])


@each_life
@pytest.mark.usefixtures("roles")
def test_life_of_a_resource(run: Run, life: Life, request: pytest.FixtureRequest) -> None:
    if "cluster_name" in life.names:
        request.getfixturevalue("cluster")
    if life is CONTROL_PLANE:
        for fixture in ("subnets", "service_roles"):
            request.getfixturevalue(fixture)

    def step(*options: dict[str, Any], **modes: bool) -> tuple[bool, list[str]]:
        result, calls = run(life.module, life.names, *options, **modes)
        assert not result.get("failed"), result["msg"]
        return result["changed"], calls

    same, changed = life.options | life.same, life.options | life.change
    absent = {"state": "absent"}
    assert step(life.options) == (True, life.calls["create"])
    assert step(life.options) == (False, [])
    assert step(same) == (False, [])
    assert step(changed, check_mode=True) == (True, [])
    assert step(changed) == (True, life.calls["change"])
    assert step(changed) == (False, [])
    assert step(absent, check_mode=True) == (True, [])
    assert step(absent) == (True, life.calls["delete"])
    assert step(absent) == (False, [])


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("change", "updates"),
    [
        ({"taints": []}, ["UpdateNodegroupConfig", "DeleteTags"]),
        ({"labels": {"gpu": "true"}}, ["UpdateNodegroupConfig", "DeleteTags"]),
        ({"max_size": 3}, ["UpdateNodegroupConfig"]),
        ({"version": "1.33"}, ["UpdateNodegroupVersion"]),
        (
            {"tags": {"Project": "mlops", "Owner": "ops"}},
            [
                "CreateTags",
                "CreateLaunchTemplateVersion",
                "ModifyLaunchTemplate",
                "UpdateNodegroupVersion",
                "TagResource",
                "DeleteLaunchTemplateVersions",
            ],
        ),
    ],
    ids=lambda value: next(iter(value)),
)
def test_one_change_of_a_node_group_is_one_update(
    run: Run, change: dict[str, Any], updates: list[str]
) -> None:
    run(NODEGROUP.module, NODEGROUP.names, NODEGROUP.options)
    result, calls = run(NODEGROUP.module, NODEGROUP.names, NODEGROUP.options, change)
    assert calls == updates
    node_changes = [each for each in result["changes"] if each["type"] == "AWS::EKS::Nodegroup"]
    assert [each["action"] for each in node_changes] == ["update"]
    assert set(change) <= set(node_changes[0]["fields"])
    run(NODEGROUP.module, NODEGROUP.names, {"state": "absent"})


@pytest.mark.usefixtures("cluster")
def test_nodes_that_nobody_waited_for_are_finished_by_a_call_that_waits(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("nodegroup", "update"):
        monkeypatch.setitem(agenda.seconds, kind, 0.3)
    waiting, sending = {"poll_interval": 1}, {"wait": False}

    def step(*options: dict[str, Any]) -> tuple[str, list[str]]:
        result, calls = run(NODEGROUP.module, NODEGROUP.names, NODEGROUP.options, *options)
        assert result["changed"] == bool(calls)
        return result["nodegroup"].get("status"), calls

    change = {"launch_template": {"disk_size": 120}}
    new_version = ["CreateLaunchTemplateVersion", "ModifyLaunchTemplate", "UpdateNodegroupVersion"]
    assert step(sending) == ("CREATING", ["CreateLaunchTemplate", "CreateNodegroup"])
    assert step(waiting) == ("ACTIVE", ["CreateOrUpdateTags"])
    assert step(sending) == ("ACTIVE", [])
    assert step(change, sending) == ("UPDATING", new_version)
    assert step(change, waiting) == ("ACTIVE", ["DeleteLaunchTemplateVersions"])
    assert step(change, waiting) == ("ACTIVE", [])
    assert step({"state": "absent"}, sending) == (None, ["DeleteNodegroup"])
    assert step({"state": "absent"}, waiting) == (None, ["DeleteLaunchTemplate"])


@pytest.mark.usefixtures("cluster", "roles")
@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (
            "eks_addon",
            {**CLUSTER, "name": "coredns", "version": "v9"},
            "version is v9; for coredns and Kubernetes 1.33 EKS offers: "
            "v1.12.4-eksbuild.2, v1.12.4-eksbuild.1",
        ),
        (
            "eks_addon",
            {**CLUSTER, "name": "corednss", "version": "default"},
            "version is default; for corednss and Kubernetes 1.33 EKS offers: nothing",
        ),
        (
            "eks_access_entry",
            {**CLUSTER, "principal": "mlops-c"},
            "principal: there is no IAM role named mlops-c",
        ),
        (
            "eks_pod_identity_association",
            {**CLUSTER, "namespace": "a", "service_account": "b", "role": "mlops-c"},
            "role: there is no IAM role named mlops-c",
        ),
    ],
)
def test_what_does_not_exist_is_named(
    run: Run, module: str, options: dict[str, Any], message: str
) -> None:
    result, calls = run(module, options)
    assert (result["msg"], calls) == (message, [])


# What the fixture's cluster is.
AS_MADE = {
    "name": "mlops",
    "role": "mlops-eks",
    "subnet_filters": {"cidr-block": "10.9.*"},
    "endpoint_public_access": True,
}


@pytest.mark.usefixtures("cluster")
def test_secrets_are_encrypted_once_and_for_ever(run: Run, client: Callable[[str], Any]) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/mlops-eks", TargetKeyId=key["KeyId"])
    alias = {**AS_MADE, "encryption_key": "alias/mlops-eks"}
    result, calls = run("eks_cluster", alias)
    assert calls == ["AssociateEncryptionConfig"]
    assert result["cluster"]["encryption_config"][0]["provider"]["key_arn"] == key["Arn"]
    for same in ("alias/mlops-eks", key["KeyId"], key["Arn"]):
        assert not run("eks_cluster", AS_MADE, {"encryption_key": same})[0]["changed"]
    result, calls = run("eks_cluster", AS_MADE, {"encryption_key": ""})
    assert (f"secrets with {key['Arn']}; EKS never changes" in result["msg"], calls) == (True, [])


@pytest.mark.usefixtures("cluster")
def test_a_protected_cluster_is_deleted_by_force_only(
    run: Run, subnets: list[str], service_roles: dict[str, str]
) -> None:
    name = {"name": "mlops-protected"}
    options = {"role": service_roles["eks"], "subnet_ids": subnets, "deletion_protection": True}
    assert run("eks_cluster", name, options)[1] == ["CreateCluster"]
    absent = {**name, "state": "absent"}
    result, calls = run("eks_cluster", absent)
    assert ("has deletion protection" in result["msg"], calls) == (True, [])
    _, calls = run("eks_cluster", absent, {"force": True})
    assert calls == ["UpdateClusterConfig", "DeleteCluster"]


@pytest.mark.usefixtures("cluster")
def test_an_upgrade_waits_for_nodes_that_fit(run: Run) -> None:
    nodes = {**CLUSTER, "name": "old", "node_role": "mlops-ec2", "version": "1.31"}
    addons = {
        **CLUSTER,
        "version": "default",
        "addons": [{"name": "coredns"}, {"name": "kube-proxy"}],
    }
    for module, options in (("eks_nodegroup", nodes), ("eks_addon", addons)):
        assert run(module, options)[0]["changed"]

    def upgrade(version: str) -> Result:
        return run("eks_cluster", AS_MADE, {"version": version})

    assert upgrade("1.34")[1] == ["UpdateClusterVersion"]
    result, calls = upgrade("1.35")
    assert (result["msg"], calls) == (
        "version: cluster mlops cannot go from 1.34 to 1.35: node group old has 1.31, and must "
        "have at least 1.32; upgrade insight Kubelet version skew",
        [],
    )
    assert run("eks_nodegroup", nodes | {"version": "1.32"})[0]["changed"]
    assert upgrade("1.35")[1] == ["UpdateClusterVersion"]
    result, calls = upgrade("1.36")
    assert (result["msg"], calls) == (
        "version is 1.36; EKS supports: 1.31, 1.32, 1.33, 1.34, 1.35",
        [],
    )
    assert run("eks_nodegroup", {**CLUSTER, "name": "old", "state": "absent"})[0]["changed"]
