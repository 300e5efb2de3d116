"""From the events of a playbook in check mode to a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.playbook_plan import (
    failures_of,
    plan_of,
)

EVENTS = yaml.safe_load(Path(__file__).with_name("recorded_events.yml").read_text(encoding="utf-8"))
ESTIMATE = {"per_hour": {"awake": 1.0}}
PRICES = {
    "instance_hour t3.large": 0.1,
    "instance_hour g4dn.xlarge": 0.5,
    "gp3_gib_month": 0.0,
    "nat_gateway_hour": 0.05,
}


def event(kind: str = "runner_on_ok", action: str = "x.y.thing", **result: Any) -> dict[str, Any]:
    """Return an event of a task, with the arguments of its module under ``arguments``."""
    arguments = result.pop("arguments", {})
    return {
        "event": kind,
        "event_data": {
            "play": "Stage",
            "role": "role",
            "task": "Do it",
            "task_uuid": "1",
            "resolved_action": action,
            "res": {"changed": True, "invocation": {"module_args": arguments}, **result},
        },
    }


def the_change(*events: dict[str, Any]) -> dict[str, Any]:
    [change] = plan_of(events, PRICES, {})["changes"]
    return {key: value for key, value in change.items() if key not in {"stage", "role"}}


def test_each_of_several_resources_has_its_own_price() -> None:
    interface = {"type": "Interface", "subnet_ids": ["a", "b"]}
    created = [
        {"action": "create", "type": "AWS::EC2::VPCEndpoint", "name": "mlops-s3"},
        {"action": "create", "type": "AWS::EC2::VPCEndpoint", "name": "mlops-sts"},
        {"action": "create", "type": "AWS::EC2::NatGateway", "name": "mlops-nat"},
    ]
    endpoints = {"mlops-s3": {"route_tables": []}, "mlops-sts": interface}
    diff = {"before": {}, "after": {"AWS::EC2::VPCEndpoint": endpoints}}
    plan = plan_of(
        [event(changes=created, diff=diff)], {**PRICES, "interface_endpoint_hour": 0.01}, {}
    )
    assert [change["hourly"] for change in plan["changes"]] == [0.0, 0.02, 0.05]


def test_a_recorded_run_on_an_empty_account() -> None:
    plan = plan_of(EVENTS, PRICES, ESTIMATE)

    assert [
        (change["stage"], change["action"], change["type"], change["name"])
        for change in plan["changes"]
    ] == [
        ("Models", "create", "ModelValidation", "gpt_mini/1"),
        ("Models", "create", "ModelValidation", "classify/1"),
        ("Infrastructure", "update", "iam_role", "mlops-eks-cluster"),
        ("Infrastructure", "update", "iam_role", "mlops-eks-node"),
        ("Infrastructure", "create", "AWS::EKS::Nodegroup", "mlops/system"),
        ("Infrastructure", "create", "AWS::ECR::Repository", "mlops/triton"),
        ("Infrastructure", "create", "HelmRelease", "kube-system/nvidia-device-plugin"),
        ("Rollout", "create", "Namespace", "triton"),
        ("Rollout", "create", "HelmRelease", "triton/triton"),
    ]
    assert (plan["result"], plan["estimate"]) == ("pending", ESTIMATE)
    assert plan["totals"] == {"create": 7, "update": 2, "delete": 0}
    assert plan["cost"] == {"currency": "USD", "hourly": 0.2, "monthly": 146.0, "unknown": []}


def test_a_run_without_a_change() -> None:
    plan = plan_of([event(changed=False)], PRICES, ESTIMATE)
    assert (plan["result"], plan["changes"]) == ("unchanged", [])
    assert (plan["cost"]["hourly"], plan["estimate"]) == (0, ESTIMATE)


@pytest.mark.parametrize(
    ("result", "action"),
    [
        ({"arguments": {"state": "absent"}}, "delete"),
        ({"diff": {"before": {"a": 1}, "after": {"a": 2}}}, "update"),
        ({"diff": {"before": {"a": 1}, "after": {}}}, "delete"),
        ({"diff": {"before": {"state": "absent"}, "after": {"state": "directory"}}}, "create"),
        ({"diff": {"before": "", "after": "text"}}, "create"),
        ({"diff": [{"before": "a", "after": "b", "after_header": "f"}]}, "update"),
        ({}, "update"),
    ],
)
def test_what_other_modules_do(result: dict[str, Any], action: str) -> None:
    assert the_change(event(**result))["action"] == action


@pytest.mark.parametrize(
    ("result", "name"),
    [
        ({"arguments": {"name": "n", "path": "/p"}}, "n"),
        ({"arguments": {"name": None, "path": "/p"}}, "/p"),
        ({"arguments": {"dest": "/d"}}, "/d"),
        ({"diff": [{"before": "", "after": "text", "after_header": "/f"}]}, "/f"),
        ({"invocation": None, "censored": "the output has been hidden"}, "Do it"),
    ],
)
def test_what_other_modules_look_after(result: dict[str, Any], name: str) -> None:
    change = the_change(event(**result))
    assert (change["type"], change["name"]) == ("thing", name)


@pytest.mark.parametrize(
    ("module", "state", "type_"),
    [("copy", None, "File"), ("file", "touch", "File"), ("file", "directory", "Directory")],
)
def test_files_and_directories_are_called_so(module: str, state: str | None, type_: str) -> None:
    told = event(action=f"ansible.builtin.{module}", arguments={"path": "/p", "state": state})
    assert the_change(told)["type"] == type_


@pytest.mark.parametrize(
    ("result", "action", "hourly"),
    [
        ({}, "create", 0.1),
        ({"key_arn": "arn"}, "update", 0.0),
        ({"state": "absent"}, "delete", -0.1),
    ],
)
def test_a_stock_module_of_aws_is_called_by_what_it_looks_after(
    result: dict[str, Any], action: str, hourly: float
) -> None:
    arguments = {"alias": "alias/mlops", "state": result.pop("state", "present")}
    told = event(action="amazon.aws.kms_key", arguments=arguments, **result)
    [change] = plan_of([told], {"kms_key_month": 73.0}, {})["changes"]
    assert (change["action"], change["type"], change["name"], change["hourly"]) == (
        action,
        "AWS::KMS::Key",
        "alias/mlops",
        hourly,
    )


def change(action: str, type_: str, **fields: Any) -> dict[str, Any]:
    return {"action": action, "type": type_, "name": "mlops", **fields}


@pytest.mark.parametrize(
    ("action", "before", "after", "hourly"),
    [
        ("create", {}, {"instance_types": ["t3.large"], "desired_size": 3}, 0.3),
        ("delete", {"instance_types": ["t3.large"], "desired_size": 3}, {}, -0.3),
        (
            "update",
            {"instance_types": ["t3.large"], "desired_size": 3},
            {"instance_types": ["g4dn.xlarge"], "desired_size": 1},
            0.2,
        ),
        ("create", {}, {"instance_types": ["p9.large"], "desired_size": 1}, None),
    ],
)
def test_the_cost_follows_the_difference(
    action: str, before: dict[str, Any], after: dict[str, Any], hourly: float | None
) -> None:
    # A launch template is free, so the difference is the node group's.
    changes = [change(action, "AWS::EC2::LaunchTemplate"), change(action, "AWS::EKS::Nodegroup")]
    plan = plan_of([event(changes=changes, diff={"before": before, "after": after})], PRICES, {})

    assert [made["hourly"] for made in plan["changes"]] == [0.0, hourly]
    assert plan["cost"]["hourly"] == (hourly or 0)
    assert plan["cost"]["unknown"] == ([] if hourly is not None else ["AWS::EKS::Nodegroup"])


def test_each_of_several_priced_resources_counts() -> None:
    changes = [change("create", "AWS::EC2::NatGateway"), change("delete", "AWS::EC2::NatGateway")]
    plan = plan_of([event(changes=[*changes, changes[0]])], PRICES, {})
    assert plan["cost"]["hourly"] == 0.05


def test_failures_are_told_by_item_and_without_what_is_ignored() -> None:
    ignored = event("runner_on_failed", msg="ignored")
    ignored["event_data"]["ignore_errors"] = True
    loop = [
        event("runner_item_on_failed", msg="a is wrong"),
        event("runner_item_on_failed", msg="b is wrong"),
        event("runner_on_failed", msg="One or more items failed"),
    ]
    assert failures_of([ignored, event(msg="fine"), *loop]) == [
        "Do it: a is wrong",
        "Do it: b is wrong",
    ]
    assert failures_of([event("runner_on_unreachable", msg="no answer")]) == ["Do it: no answer"]
