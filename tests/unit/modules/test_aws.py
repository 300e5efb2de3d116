"""The AWS modules as Ansible calls them, against scripted answers of AWS."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from support.scripted_aws import ScriptedAws


class Module(NamedTuple):
    """A module: how it looks at its resource, the error for an absent one, its options."""

    name: str
    service: str
    look: str
    nothing: str
    options: dict[str, Any]


CLUSTER = Module(
    "eks_cluster",
    "eks",
    "describe_cluster",
    "ResourceNotFoundException",
    {"name": "mlops", "role": "control", "subnet_ids": ["subnet-a", "subnet-b"]},
)
NODEGROUP = Module(
    "eks_nodegroup",
    "eks",
    "describe_nodegroup",
    "ResourceNotFoundException",
    {"cluster_name": "mlops", "name": "gpu", "node_role": "node"},
)
REPOSITORY = Module(
    "ecr_repository",
    "ecr",
    "describe_repositories",
    "RepositoryNotFoundException",
    {"name": "triton"},
)
ACCESS_ENTRY = Module(
    "eks_access_entry",
    "eks",
    "describe_access_entry",
    "ResourceNotFoundException",
    {"cluster_name": "mlops", "principal": "arn:aws:iam::123456789012:role/operator"},
)
ADDON = Module(
    "eks_addon",
    "eks",
    "describe_addon",
    "ResourceNotFoundException",
    {"cluster_name": "mlops", "name": "coredns"},
)
POD_IDENTITY = Module(
    "eks_pod_identity_association",
    "eks",
    "list_pod_identity_associations",
    "ResourceNotFoundException",
    {"cluster_name": "mlops", "namespace": "a", "service_account": "b", "role": "c"},
)
SCHEDULE = Module(
    "scheduler_schedule",
    "scheduler",
    "get_schedule",
    "ResourceNotFoundException",
    {"name": "sleep", "expression": "rate(1 day)", "target_arn": "arn:aws:a", "role": "b"},
)
BUDGET = Module(
    "budget",
    "budgets",
    "describe_budget",
    "NotFoundException",
    {"name": "mlops", "account_id": "123456789012", "limit": 200},
)
NEEDED = {"principal", "namespace", "service_account", "account_id"}
Run = Callable[[Module, dict[str, Any]], dict[str, Any]]
each_module = pytest.mark.parametrize(
    "module",
    [CLUSTER, NODEGROUP, REPOSITORY, ACCESS_ENTRY, ADDON, POD_IDENTITY, SCHEDULE, BUDGET],
    ids=lambda module: module.name,
)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        monkeypatch.setattr(
            AnsibleAWSModule, "client", lambda _self, service, config: scripted.client(service)
        )
        yield scripted


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(module: Module, options: dict[str, Any]) -> dict[str, Any]:
        loaded = importlib.import_module(
            f"ansible_collections.mlops.gpu_platform.plugins.modules.{module.name}"
        )
        arguments = {"region": "eu-west-1", **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            loaded.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


@each_module
@pytest.mark.parametrize("diff", [True, False])
def test_check_mode_on_an_empty_account(
    script: ScriptedAws, run: Run, module: Module, diff: bool
) -> None:
    script.refuse(module.service, module.look, module.nothing)
    modes = {"_ansible_check_mode": True, "_ansible_diff": diff}
    result = run(module, module.options | modes)
    assert result["changed"]
    assert ("diff" in result) is diff


@each_module
def test_refusal_of_aws_is_reported(script: ScriptedAws, run: Run, module: Module) -> None:
    script.refuse(module.service, module.look, "AccessDeniedException")
    result = run(module, module.options)
    assert result["failed"]
    assert "AccessDeniedException" in result["msg"]


@each_module
def test_absent_needs_only_the_name(script: ScriptedAws, run: Run, module: Module) -> None:
    script.refuse(module.service, module.look, module.nothing)
    if module is NODEGROUP:
        # Its launch template outlives a deletion that was interrupted.
        missing = "InvalidLaunchTemplateName.NotFoundException"
        script.refuse("ec2", "describe_launch_template_versions", missing)
    keys = [key for key in module.options if key.endswith("name") or key in NEEDED]
    names = {key: module.options[key] for key in keys}
    assert not run(module, names | {"state": "absent"})["changed"]


@pytest.mark.parametrize(
    ("module", "missing"),
    [(CLUSTER, "role"), (NODEGROUP, "node_role")],
    ids=["eks_cluster", "eks_nodegroup"],
)
def test_present_needs_more(run: Run, module: Module, missing: str) -> None:
    names = {key: module.options[key] for key in module.options if key.endswith("name")}
    result = run(module, names)
    assert result["msg"] == f"state is present but all of the following are missing: {missing}"


def test_failure_keeps_its_details(script: ScriptedAws, run: Run) -> None:
    issues = [{"code": "AccessDenied", "message": "no"}]
    nodegroup = {
        "status": "CREATING",
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
        "subnets": [],
        "health": {"issues": issues},
    }
    for _ in range(2):
        script.stub("eks").add_response("describe_nodegroup", {"nodegroup": nodegroup})
    result = run(NODEGROUP, NODEGROUP.options)
    assert result["msg"] == "node group gpu is CREATING: AccessDenied: no"
    assert result["issues"] == issues
