"""The table of a plan."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.plan_table import plan_lines


def change(stage: str, action: str, type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"stage": stage, "action": action, "type": type_, "name": name, "hourly": 0.0, **more}


ESTIMATE = {
    "date": "2026-01-01",
    "currency": "USD",
    "region": "eu-west-1",
    "lines": [],
    "unknown": [],
    "per_hour": {"awake": 1.0, "idle": 0.5, "asleep": 0.25, "deep_asleep": None},
    "per_month": {
        "awake": 730.0,
        "idle": 365.0,
        "asleep": 182.5,
        "deep_asleep": None,
        "scheduled": 400.0,
    },
}
COST = [
    "Cost of the platform",
    "  state               per hour  per month",
    "  awake                 1.0000     730.00",
    "  idle (no GPU node)    0.5000     365.00",
    "  asleep (no node)      0.2500     182.50",
    "  deep asleep          unknown    unknown",
    "  as scheduled                     400.00",
    "  USD, eu-west-1, prices of 2026-01-01; use such as data transfer and log ingestion is not "
    "counted",
    "",
]
PLAN = {
    "changes": [
        change("Infrastructure", "create", "AWS::EKS::Cluster", "mlops", hourly=0.1),
        change("Infrastructure", "update", "AWS::EC2::VPC", "mlops", fields=["dns", "tags"]),
        change("Infrastructure", "create", "AWS::SQS::Queue", "mlops-queue", hourly=None),
        change("Rollout", "delete", "HelmRelease", "triton/triton"),
    ],
    "totals": {"create": 2, "update": 1, "delete": 1},
    "cost": {"hourly": 0.1, "monthly": 1073.0, "unknown": ["AWS::SQS::Queue"]},
    "estimate": ESTIMATE,
}


def test_a_plan_is_grouped_by_stage_and_aligned() -> None:
    assert [line.text for line in plan_lines(PLAN)] == [
        "Infrastructure",
        "  + AWS::EKS::Cluster  mlops                     +0.1000 USD/h",
        "  ~ AWS::EC2::VPC      mlops          dns, tags",
        "  + AWS::SQS::Queue    mlops-queue                           ?",
        "Rollout",
        "  - HelmRelease        triton/triton",
        "",
        *COST,
        "not counted, since no price is known: AWS::SQS::Queue",
        "2 to create, 1 to change, 1 to delete; +0.10 USD/h, +1,073 USD/month",
    ]


def test_each_kind_of_change_has_its_colour() -> None:
    colours = [line.colour for line in plan_lines(PLAN)]
    assert colours[:7] == [None, "green", "yellow", "green", None, "red", None]
    assert (set(colours[7:-1]), colours[-1]) == ({None}, "bright yellow")


def test_nothing_to_change_is_the_cost_and_one_line() -> None:
    *cost, line = plan_lines({"changes": [], "estimate": ESTIMATE})
    assert [text for text, _ in cost] == COST
    assert line.text.startswith("Nothing to change")
