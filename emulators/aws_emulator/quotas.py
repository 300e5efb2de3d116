"""Service Quotas of EC2, which moto does not have, and a page on which a test sets them.

``PUT /_emulator/quotas`` takes values by their codes, such as ``{"L-DB2E81BA": 0}``, GET shows all
of them, DELETE goes back to the values of the table.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from moto.core.exceptions import JsonRESTError
from moto.servicequotas import urls
from moto.servicequotas.responses import ServiceQuotasResponse

EC2 = {"ServiceCode": "ec2", "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)"}
STANDARD = "Standard (A, C, D, H, I, M, R, T, Z)"


class Quota(NamedTuple):
    """The name of a quota of EC2, the class that its usage is counted under, and its value."""

    name: str
    usage: str
    value: float


QUOTAS = {
    "L-1216C47A": Quota(f"Running On-Demand {STANDARD} instances", "Standard/OnDemand", 64),
    "L-34B43A08": Quota(f"All {STANDARD} Spot Instance Requests", "Standard/Spot", 64),
    "L-DB2E81BA": Quota("Running On-Demand G and VT instances", "G/OnDemand", 64),
    "L-3819A6DF": Quota("All G and VT Spot Instance Requests", "G/Spot", 64),
    "L-417A185B": Quota("Running On-Demand P instances", "P/OnDemand", 64),
    "L-7212CCBC": Quota("All P4, P3 and P2 Spot Instance Requests", "P/Spot", 64),
}


class QuotaPage:
    """The values that a test has set, by code; they hold for all accounts and regions."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def show(self) -> dict[str, float]:
        """Return the values of all quotas."""
        return {code: self.values.get(code, quota.value) for code, quota in QUOTAS.items()}

    def replace(self, given: dict[str, float]) -> None:
        """Set other values."""
        if unknown := set(given) - set(QUOTAS):
            raise ValueError(f"unknown quotas: {sorted(unknown)}; there are {sorted(QUOTAS)}")
        self.values = {code: float(value) for code, value in given.items()}

    def clear(self) -> None:
        """Go back to the values of the table."""
        self.values = {}


page = QuotaPage()


class QuotasResponse(ServiceQuotasResponse):
    """moto's Service Quotas with those of EC2 for vCPUs."""

    def quota(self, code: str, value: float) -> dict[str, Any]:
        """Return a quota as the service describes it."""
        arn = f"arn:{self.partition}:servicequotas:{self.region}:{self.current_account}"
        return {
            **EC2,
            "QuotaArn": f"{arn}:ec2/{code}",
            "QuotaCode": code,
            "QuotaName": QUOTAS[code].name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
            "UsageMetric": {
                "MetricNamespace": "AWS/Usage",
                "MetricName": "ResourceCount",
                "MetricDimensions": {
                    "Class": QUOTAS[code].usage,
                    "Resource": "vCPU",
                    "Service": "EC2",
                    "Type": "Resource",
                },
                "MetricStatisticRecommendation": "Maximum",
            },
        }

    def named_code(self) -> str:
        """Return the code of the quota that the request names."""
        code: str = self._get_param("QuotaCode")
        if self._get_param("ServiceCode") != "ec2" or code not in QUOTAS:
            message = "The request failed because the specified service or quota does not exist."
            raise JsonRESTError("NoSuchResourceException", message)
        return code

    def get_service_quota(self) -> str:
        """Return a quota of the account."""
        if self._get_param("ServiceCode") != "ec2":
            return super().get_service_quota()
        code = self.named_code()
        return json.dumps({"Quota": self.quota(code, page.show()[code])})


def extend() -> None:
    """Route every request for quotas to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = QuotasResponse.dispatch
