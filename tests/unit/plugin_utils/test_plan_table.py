"""The table of a plan."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.plan_table import plan_lines


def change(stage: str, action: str, type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"stage": stage, "action": action, "type": type_, "name": name, "hourly": 0.0, **more}


PLAN = {
    "changes": [
        change("Infrastructure", "create", "AWS::EKS::Cluster", "mlops", hourly=0.1),
        change("Infrastructure", "update", "AWS::EC2::VPC", "mlops", fields=["dns", "tags"]),
        change("Infrastructure", "create", "AWS::SQS::Queue", "mlops-queue", hourly=None),
        change("Rollout", "delete", "helm", "triton"),
    ],
    "totals": {"create": 2, "update": 1, "delete": 1},
    "cost": {"hourly": 0.1, "monthly": 1073.0, "unknown": ["AWS::SQS::Queue"]},
}


def test_a_plan_is_grouped_by_stage_and_aligned() -> None:
    assert [line.text for line in plan_lines(PLAN)] == [
        "Infrastructure",
        "  + AWS::EKS::Cluster  mlops                   +0.1000 USD/h",
        "  ~ AWS::EC2::VPC      mlops        dns, tags",
        "  + AWS::SQS::Queue    mlops-queue                         ?",
        "Rollout",
        "  - helm               triton",
        "",
        "2 to create, 1 to change, 1 to delete; +0.10 USD/h, +1,073 USD/month",
        "not counted, since no price is known: AWS::SQS::Queue",
    ]


def test_each_kind_of_change_has_its_colour() -> None:
    colours = [line.colour for line in plan_lines(PLAN)]
    assert colours == [None, "green", "yellow", "green", None, "red", None, None, None]


def test_nothing_to_change_is_one_line() -> None:
    [line] = plan_lines({"changes": []})
    assert line.text.startswith("Nothing to change")
