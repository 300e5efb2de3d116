"""What a teardown has deleted and left."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.teardown_receipt import (
    named,
    receipt_failure,
    receipt_table,
    teardown_receipt,
)


def resource(type_: str, id_: str, hourly: float | None = 0, name: str = "") -> dict[str, Any]:
    return {"type": f"AWS::{type_}", "id": id_, "name": name or id_, "hourly": hourly}


VPC = resource("EC2::VPC", "vpc-1", name="mlops")
NAT = resource("EC2::NatGateway", "nat-1", 0.048)
VOLUME = resource("EC2::Volume", "vol-1", 0.0012, name="data")
TOPIC = resource("SNS::Topic", "arn:topic", None, name="alerts")


def test_what_is_left_is_not_deleted_and_may_be_new() -> None:
    receipt = teardown_receipt([VPC, NAT, TOPIC], [TOPIC, VOLUME])
    assert receipt["deleted"] == [VPC, NAT]
    assert receipt["left"] == [TOPIC, VOLUME]
    assert receipt["hourly"] == {"before": 0.048, "left": 0.0012}


def test_the_table_counts_what_is_deleted_and_names_what_is_left() -> None:
    nats = [NAT, {**NAT, "id": "nat-2"}]
    assert receipt_table(teardown_receipt([VPC, *nats], [VOLUME, TOPIC])) == [
        "deleted  AWS::EC2::VPC         1",
        "deleted  AWS::EC2::NatGateway  2       0.0960 USD/h",
        "left     AWS::EC2::Volume      data    0.0012 USD/h",
        "left     AWS::SNS::Topic       alerts  of unknown cost",
        "3 deleted, which saves 0.0948 USD/h; 2 left, at 0.0012 USD/h",
    ]


def test_a_planned_receipt_says_what_would_be_deleted() -> None:
    assert receipt_table(teardown_receipt([VPC, NAT], []), planned=True) == [
        "to delete  AWS::EC2::VPC         1",
        "to delete  AWS::EC2::NatGateway  1  0.0480 USD/h",
        "2 to delete, which would save 0.0480 USD/h",
    ]


@pytest.mark.parametrize(
    ("left", "stopped", "failure"),
    [
        ([], "", ""),
        (
            [VOLUME, VPC],
            "",
            "Something is left, which costs 0.0012 USD an hour as far as it is known: "
            "AWS::EC2::Volume data (vol-1, 0.0012 USD/h); AWS::EC2::VPC mlops (vpc-1).",
        ),
        (
            [],
            "Delete the log group: denied.",
            "It stopped at Delete the log group: denied. The same command goes on from there.",
        ),
        (
            [VPC],
            "Tear down: in use",
            "Something is left, which costs 0 USD an hour as far as it is known: AWS::EC2::VPC "
            "mlops (vpc-1). It stopped at Tear down: in use. The same command goes on from there.",
        ),
    ],
)
def test_a_failure_names_what_is_left_and_where_it_stopped(
    left: list[dict[str, Any]], stopped: str, failure: str
) -> None:
    receipt = {**teardown_receipt([VPC, NAT], left), "stopped": stopped}
    assert receipt_failure(receipt) == failure


def test_an_empty_account_is_one_sentence() -> None:
    assert receipt_table(teardown_receipt([], [])) == ["Nothing was there."]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (VOLUME, "AWS::EC2::Volume data (vol-1, 0.0012 USD/h)"),
        (NAT, "AWS::EC2::NatGateway nat-1 (0.0480 USD/h)"),
        (VPC, "AWS::EC2::VPC mlops (vpc-1)"),
        (resource("IAM::Role", "mlops"), "AWS::IAM::Role mlops"),
        (TOPIC, "AWS::SNS::Topic alerts (arn:topic, of unknown cost)"),
    ],
)
def test_a_sentence_names_a_resource_with_its_cost(found: dict[str, Any], name: str) -> None:
    assert named(found) == name
