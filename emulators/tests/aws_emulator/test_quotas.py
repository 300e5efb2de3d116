"""Service Quotas of EC2, through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    Page,
    check_refusals,
)

CODES = ["L-1216C47A", "L-34B43A08", "L-3819A6DF", "L-417A185B", "L-7212CCBC", "L-DB2E81BA"]
G_ON_DEMAND = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}


@pytest.fixture
def quotas(client: Callable[[str], Any]) -> Any:
    """A Service Quotas client."""
    return client("service-quotas")


@pytest.fixture
def page(page_at: Callable[[str], Page]) -> Page:
    """Return a function that calls the page of quotas."""
    return page_at("/_emulator/quotas")


def test_quotas_for_vcpus(quotas: Any) -> None:
    quota = quotas.get_service_quota(**G_ON_DEMAND)["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("Running On-Demand G and VT instances", 64)
    assert quota["UsageMetric"]["MetricDimensions"]["Class"] == "G/OnDemand"


def test_test_can_set_a_quota(quotas: Any, page: Page) -> None:
    page("PUT", {"L-DB2E81BA": 0})
    assert quotas.get_service_quota(**G_ON_DEMAND)["Quota"]["Value"] == 0
    assert page("GET") == {**dict.fromkeys(CODES, 64), "L-DB2E81BA": 0}
    with pytest.raises(HTTPError) as caught:
        page("PUT", {"L-0": 1})
    assert "L-0" in json.load(caught.value)["message"]
    page("DELETE")
    assert quotas.get_service_quota(**G_ON_DEMAND)["Quota"]["Value"] == 64


def test_unknown_quota_is_not_found(quotas: Any) -> None:
    unknown = {"ServiceCode": "ec2", "QuotaCode": "L-0"}
    code = "NoSuchResourceException"
    check_refusals(
        quotas,
        [
            ("get_service_quota", unknown, code, ""),
            ("get_service_quota", unknown | {"ServiceCode": "absent"}, code, ""),
        ],
    )
