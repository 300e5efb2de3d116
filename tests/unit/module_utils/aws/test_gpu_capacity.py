"""The capacity for instances with GPUs, against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.gpu_capacity import (
    gpu_capacity,
    quota_code,
)
from support.scripted_aws import ScriptedAws
from support.scripted_capacity import (
    expect_quota,
    expect_types,
)

SPOT_NAME = "All G and VT Spot Instance Requests"
ON_DEMAND_NAME = "Running On-Demand G and VT instances"


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def params(*types: str, **changes: Any) -> Fields:
    """Return the module's options."""
    return {
        "instance_types": list(types),
        "capacity_type": "ON_DEMAND",
        "max_size": 2,
        "availability_zones": ["eu-west-1a", "eu-west-1b"],
        **changes,
    }


def test_types_and_quotas_are_told(script: ScriptedAws) -> None:
    expect_types(script, "g4dn.xlarge", "g4dn.12xlarge")
    expect_quota(script, "L-3819A6DF", SPOT_NAME, 96.0)
    options = params("g4dn.xlarge", "g4dn.12xlarge", capacity_type="SPOT")
    result = gpu_capacity(script.aws(), options)
    assert not result["changed"]
    assert result["instance_types"][1] == {
        "name": "g4dn.12xlarge",
        "vcpus": 48,
        "gpus": 4,
        "gpu_memory": 65536,
        "zones": ["eu-west-1a", "eu-west-1b"],
    }
    assert result["quotas"] == [
        {"code": "L-3819A6DF", "name": SPOT_NAME, "value": 96, "needed": 96}
    ]


def test_families_have_quotas_of_their_own(script: ScriptedAws) -> None:
    expect_types(script, "g4dn.xlarge", "p3.2xlarge")
    expect_quota(script, "L-DB2E81BA", ON_DEMAND_NAME, 8.0)
    expect_quota(script, "L-417A185B", "Running On-Demand P instances", 16.0)
    quotas = gpu_capacity(script.aws(), params("g4dn.xlarge", "p3.2xlarge"))["quotas"]
    assert [quota["needed"] for quota in quotas] == [8, 16]


@pytest.mark.parametrize(
    ("instance_type", "capacity_type", "code"),
    [
        ("g5.xlarge", "ON_DEMAND", "L-DB2E81BA"),
        ("g6e.xlarge", "SPOT", "L-3819A6DF"),
        ("gr6.4xlarge", "SPOT", "L-3819A6DF"),
        ("p4d.24xlarge", "ON_DEMAND", "L-417A185B"),
        ("p4d.24xlarge", "SPOT", "L-7212CCBC"),
        ("p5.48xlarge", "SPOT", "L-C4BD4855"),
        ("p5.48xlarge", "CAPACITY_BLOCK", None),
        ("x9.large", "SPOT", None),
    ],
)
def test_quota_codes(instance_type: str, capacity_type: str, code: str | None) -> None:
    assert quota_code(instance_type, capacity_type) == code


def test_a_small_quota_is_refused_with_what_to_do(script: ScriptedAws) -> None:
    expect_types(script, "g4dn.xlarge")
    expect_quota(script, "L-DB2E81BA", ON_DEMAND_NAME, 4.0)
    with pytest.raises(AwsError) as caught:
        gpu_capacity(script.aws(), params("g4dn.xlarge"))
    assert str(caught.value) == (
        'max_size: 2 g4dn.xlarge need 8 vCPUs, but the quota "Running On-Demand G and VT '
        'instances" (L-DB2E81BA) is 4; ask for more in the Service Quotas console or by: aws '
        "service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA "
        "--desired-value 8"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t3.large", "t3.large has no NVIDIA GPU"),
        ("g4ad.xlarge", "g4ad.xlarge has no NVIDIA GPU"),
        ("g9.xlarge", "EC2 has no g9.xlarge in this region"),
    ],
)
def test_types_without_gpu_are_refused(script: ScriptedAws, name: str, message: str) -> None:
    expect_types(script, "g4dn.xlarge", name)
    with pytest.raises(AwsError, match=f"instance_types: {message}"):
        gpu_capacity(script.aws(), params("g4dn.xlarge", name))


@pytest.mark.parametrize(
    ("offered", "asked", "message"),
    [
        (("eu-west-1c",), ["eu-west-1a"], "in no zone of eu-west-1a, but in: eu-west-1c"),
        ((), None, "in no zone of this region, but in: none"),
    ],
)
def test_types_that_no_zone_offers_are_refused(
    script: ScriptedAws, offered: tuple[str, ...], asked: list[str] | None, message: str
) -> None:
    expect_types(script, "g4dn.xlarge", zones=offered)
    with pytest.raises(AwsError, match=f"instance_types: EC2 offers g4dn.xlarge {message}"):
        gpu_capacity(script.aws(), params("g4dn.xlarge", availability_zones=asked))


def test_any_zone_will_do_where_none_is_asked_for(script: ScriptedAws) -> None:
    expect_types(script, "g4dn.xlarge", zones=("eu-west-1c",))
    expect_quota(script, "L-DB2E81BA", ON_DEMAND_NAME, 8.0)
    options = params("g4dn.xlarge", availability_zones=None)
    assert gpu_capacity(script.aws(), options)["instance_types"][0]["zones"] == ["eu-west-1c"]
