"""The filters `cost_estimate` and `cost_table`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.mlops.gpu_platform.plugins.filter.cost_estimate import cost_estimate
from ansible_collections.mlops.gpu_platform.plugins.filter.cost_table import cost_table

ROOT = Path(__file__).resolve().parents[3]
TABLE = yaml.safe_load((ROOT / "roles/cost_control/files/prices.yml").read_text(encoding="utf-8"))
STOP, START = "cron(0 20 ? * MON-FRI *)", "cron(0 8 ? * MON-FRI *)"


def declared(name: str, type_: str, until: str, **more: Any) -> dict[str, Any]:
    """Return a resource of a platform."""
    return {"name": name, "type": type_, "until": until, **more}


def nodes(name: str, until: str, instance_type: str, number: int, **more: Any) -> dict[str, Any]:
    """Return a node group of a platform."""
    sizes = {"instance_types": [instance_type], "desired_size": number, "disk_size": 100}
    return declared(name, "AWS::EKS::Nodegroup", until, properties={**sizes, **more})


PLATFORM = [
    nodes("GPU nodes", "awake", "g4dn.xlarge", 1),
    nodes("system nodes", "idle", "t3.large", 2),
    declared("control plane", "AWS::EKS::Cluster", "asleep"),
    declared("NAT gateways", "AWS::EC2::NatGateway", "asleep", count=2),
    declared("image", "AWS::ECR::Repository", "deep_asleep", properties={"size": 10}),
    declared("VPC", "AWS::EC2::VPC", "deep_asleep"),
]
IMAGE = 10 * 0.10 / 730
ASLEEP = 0.10 + 2 * 0.048 + IMAGE
IDLE = ASLEEP + 2 * (0.0912 + 8.8 / 730)
AWAKE = IDLE + 0.587 + 8.8 / 730


def test_each_state_costs_what_is_there_in_it() -> None:
    per_hour = cost_estimate(PLATFORM, TABLE, "eu-west-1")["per_hour"]
    expected = {"awake": AWAKE, "idle": IDLE, "asleep": ASLEEP, "deep_asleep": IMAGE}
    assert per_hour == pytest.approx(expected, abs=1e-5)


def test_a_month_has_730_hours_and_a_schedule_sleeps_through_most_of_them() -> None:
    estimate = cost_estimate(PLATFORM, TABLE, "eu-west-1", STOP, START)
    per_month = estimate["per_month"]
    assert per_month["awake"] == pytest.approx(730 * AWAKE, abs=0.01)
    scheduled = 730 * (60 * AWAKE + 108 * ASLEEP) / 168
    assert estimate["waking_hours"] == 60
    assert per_month["scheduled"] == pytest.approx(scheduled, abs=0.01)


def test_without_a_start_the_scheduled_month_is_unknown_and_without_a_stop_it_is_awake() -> None:
    assert cost_estimate(PLATFORM, TABLE, "eu-west-1", STOP)["per_month"]["scheduled"] is None
    per_month = cost_estimate(PLATFORM, TABLE, "eu-west-1")["per_month"]
    assert per_month["scheduled"] == per_month["awake"]


def test_lines_name_what_is_paid_for_and_leave_out_what_is_free_or_none() -> None:
    platform = [*PLATFORM, declared("endpoints", "AWS::EC2::EIP", "asleep", count=0)]
    lines = cost_estimate(platform, TABLE, "eu-west-1")["lines"]
    assert {line["what"] for line in lines} == {
        "GPU nodes",
        "system nodes",
        "control plane",
        "NAT gateways",
        "image",
    }
    assert lines[-2] == {
        "what": "NAT gateways",
        "price": "nat_gateway_hour",
        "quantity": 2,
        "unit_price": 0.048,
        "per_hour": 0.096,
        "per_month": 70.08,
        "until": "asleep",
    }


def test_an_unknown_price_makes_the_sums_unknown_that_have_it_and_no_others() -> None:
    platform = [
        *PLATFORM[1:],
        nodes("GPU nodes", "awake", "p5.48xlarge", 1),
        declared("notebook", "AWS::SageMaker::NotebookInstance", "idle"),
    ]
    estimate = cost_estimate(platform, TABLE, "eu-west-1")
    assert estimate["unknown"] == [
        "GPU nodes: instance_hour p5.48xlarge",
        "notebook: AWS::SageMaker::NotebookInstance",
    ]
    assert (estimate["per_hour"]["awake"], estimate["per_hour"]["idle"]) == (None, None)
    assert estimate["per_hour"]["asleep"] == pytest.approx(ASLEEP, abs=1e-5)


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="VPC has until 'dead'; it must be one of awake"):
        cost_estimate([declared("VPC", "AWS::EC2::VPC", "dead")], TABLE, "eu-west-1")


def test_table_has_a_row_for_each_line_and_state() -> None:
    lines = cost_table(cost_estimate(PLATFORM, TABLE, "eu-west-1", STOP, START))
    (nat,) = (line.split("  ") for line in lines if line.startswith("NAT gateways"))
    cells = [cell.strip() for cell in nat if cell.strip()]
    assert cells == [
        "NAT gateways",
        "2",
        "nat_gateway_hour",
        "0.048",
        "0.0960",
        "70.08",
        "asleep (no node)",
    ]
    assert any(line.startswith("deep asleep ") and "1.00" in line for line in lines)
    assert f"prices of {TABLE['date']}" in lines[-1]


def test_table_of_one_state_has_only_what_remains_in_it() -> None:
    lines = cost_table(cost_estimate(PLATFORM, TABLE, "eu-west-1", STOP, START), "asleep")
    first_words = [line.split("  ")[0] for line in lines]
    charges = ["what", "control plane", "NAT gateways", "image"]
    assert first_words[:-1] == [*charges, "", "state", "asleep (no node)", ""]


def test_table_names_assumptions_and_unknown_prices() -> None:
    platform = [
        nodes("Spot nodes", "awake", "g4dn.xlarge", 1, capacity_type="SPOT"),
        nodes("large nodes", "awake", "p5.48xlarge", 1),
    ]
    lines = cost_table(cost_estimate(platform, TABLE, "eu-west-1"))
    assert "Spot is assumed to cost 50% of the on-demand price" in lines
    assert "the table has no price for large nodes: instance_hour p5.48xlarge" in lines
    assert any(line.split() == ["awake", "unknown", "unknown"] for line in lines)
