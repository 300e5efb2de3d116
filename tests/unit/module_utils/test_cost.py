"""Prices of resources by CloudFormation's type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.module_utils.cost import (
    CHARGES,
    FREE,
    Resource,
    hourly_price,
    prices_in,
)

ROOT = Path(__file__).resolve().parents[3]
TABLE = yaml.safe_load((ROOT / "roles/cost_control/files/prices.yml").read_text(encoding="utf-8"))


def price(type_: str, region: str = "eu-west-1", **properties: Any) -> float | None:
    """Return the hourly price of a resource by the table of the role."""
    resource = Resource(type=type_, name="mlops", properties=properties)
    return hourly_price(resource, prices_in(TABLE, region))


GPU = {"instance_types": ["g4dn.xlarge", "g5.xlarge"], "disk_size": 100}


@pytest.mark.parametrize(
    ("type_", "properties", "expected"),
    [
        ("AWS::EKS::Cluster", {}, 0.10),
        ("AWS::EKS::Cluster", {"extended_support": True}, 0.60),
        ("AWS::EC2::NatGateway", {"subnet_id": "subnet-1"}, 0.048),
        ("AWS::EC2::EIP", {}, 0.005),
        ("AWS::EC2::VPCEndpoint", {"type": "Gateway"}, 0),
        ("AWS::EC2::VPCEndpoint", {"type": "Interface", "subnet_ids": ["a", "b"]}, 0.022),
        ("AWS::KMS::Key", {}, 1 / 730),
        ("AWS::ECR::Repository", {"size": 30}, 3 / 730),
        ("AWS::Logs::LogGroup", {"stored_bytes": 10 * 2**30}, 0.3 / 730),
        ("AWS::EC2::Volume", {"size": 100}, 8.8 / 730),
        ("AWS::EC2::Instance", {"instance_type": "t3.large"}, 0.0912),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"type": "network"}, 0.0252),
        ("AWS::EKS::Nodegroup", {**GPU, "desired_size": 2}, 2 * 0.587 + 2 * 8.8 / 730),
        ("AWS::EKS::Nodegroup", {**GPU, "min_size": 1}, 0.587 + 8.8 / 730),
        ("AWS::EKS::Nodegroup", {**GPU, "desired_size": 0}, 0),
        (
            "AWS::EKS::Nodegroup",
            {**GPU, "desired_size": 1, "capacity_type": "SPOT"},
            0.587 * 0.5 + 8.8 / 730,
        ),
        (
            "AWS::EKS::Nodegroup",
            {
                "instance_types": ["t3.large"],
                "desired_size": 2,
                "launch_template": {"disk_size": 50},
            },
            2 * 0.0912 + 8.8 / 730,
        ),
        (
            "AWS::EKS::Nodegroup",
            {"instance_types": ["t3.large"], "desired_size": 1},
            0.0912 + 20 * 0.088 / 730,
        ),
        ("AWS::IAM::Role", {}, 0),
    ],
)
def test_hourly_price(type_: str, properties: dict[str, Any], expected: float) -> None:
    assert price(type_, **properties) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("type_", "region", "properties"),
    [
        ("AWS::SageMaker::Endpoint", "eu-west-1", {}),
        ("AWS::EC2::NatGateway", "mars-north-1", {}),
        ("AWS::EKS::Nodegroup", "eu-west-1", {"desired_size": 1}),
        (
            "AWS::EKS::Nodegroup",
            "eu-west-1",
            {"desired_size": 1, "instance_types": ["p5.48xlarge"]},
        ),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "eu-west-1", {"type": "gateway"}),
    ],
)
def test_what_the_table_lacks_is_unknown(
    type_: str, region: str, properties: dict[str, Any]
) -> None:
    assert price(type_, region, **properties) is None


def test_no_type_is_both_free_and_charged() -> None:
    assert not FREE & set(CHARGES)


@pytest.mark.parametrize("region", sorted(TABLE["regions"]))
def test_every_region_has_the_same_prices_but_for_instances(region: str) -> None:
    assert set(TABLE["regions"][region]) == set(TABLE["regions"]["eu-west-1"])
    prices = prices_in(TABLE, region)
    assert all(value > 0 for value in prices.values())
    assert prices["spot_instance_hour g4dn.xlarge"] < prices["instance_hour g4dn.xlarge"]
