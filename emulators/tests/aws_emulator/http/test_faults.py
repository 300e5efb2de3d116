"""Faults that a test asks for, as botocore's clients see them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    Emulator,
    Page,
)
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

Rules = list[dict[str, Any]]


@pytest.fixture
def page(page_at: Callable[[str], Page]) -> Page:
    """Return a function that calls the page of faults."""
    return page_at("/_emulator/faults")


@pytest.fixture
def connect(emulator: Emulator) -> Callable[..., Any]:
    """Return a function that makes clients which try once, unless they are told otherwise."""

    def make(service: str, attempts: int = 1, **settings: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=emulator.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": attempts}, **settings),
        )

    return make


def codes(call: Callable[[], Any], times: int) -> list[str]:
    """Return the error codes of some calls, or OK."""
    seen = []
    for _ in range(times):
        try:
            call()
            seen.append("OK")
        except ClientError as error:
            seen.append(error.response["Error"]["Code"])
    return seen


def last_line(emulator: Emulator) -> dict[str, Any]:
    """Return the last line of the request log."""
    line: dict[str, Any] = json.loads(emulator.request_log.read_text().splitlines()[-1])
    return line


@pytest.mark.parametrize(
    ("service", "method", "error", "status"),
    [
        ("ec2", "describe_vpcs", "RequestLimitExceeded", 503),
        ("iam", "list_roles", "Throttling", 400),
        ("ecr", "describe_repositories", "ThrottlingException", 400),
        ("kms", "list_keys", "KMSInternalException", 500),
        ("eks", "list_clusters", "ServerException", 500),
        ("elbv2", "describe_load_balancers", "Throttling", 400),
        ("autoscaling", "describe_auto_scaling_groups", "Throttling", 400),
        ("logs", "describe_log_groups", "ServiceUnavailableException", 500),
        ("sts", "get_caller_identity", "Throttling", 400),
    ],
    ids=lambda value: str(value),
)
def test_clients_read_the_error_in_each_protocol(
    emulator: Emulator,
    page: Page,
    connect: Callable[..., Any],
    service: str,
    method: str,
    error: str,
    status: int,
) -> None:
    client = connect(service)
    page("PUT", [{"error": error, "status": status, "message": "too fast"}])
    with pytest.raises(ClientError) as caught:
        getattr(client, method)()
    response = caught.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (error, "too fast")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    line = last_line(emulator)
    assert (line["status"], line["error"], line["fault"]) == (status, error, error)
    page("DELETE")
    getattr(client, method)()
    assert "fault" not in last_line(emulator)


def test_rules_choose_by_service_action_and_whether_it_writes(
    page: Page, connect: Callable[..., Any]
) -> None:
    ec2, iam = connect("ec2"), connect("iam")
    calls = (ec2.describe_vpcs, ec2.create_internet_gateway, ec2.allocate_address, iam.list_roles)
    for rule, expected in (
        ({"service": "iam"}, ["OK", "OK", "OK", "Throttling"]),
        ({"action": "DescribeVpcs"}, ["Throttling", "OK", "OK", "OK"]),
        ({"mutating": True}, ["OK", "Throttling", "Throttling", "OK"]),
        ({"mutating": True, "after": 1, "count": 1}, ["OK", "OK", "Throttling", "OK"]),
        ({"count": 2}, ["Throttling", "Throttling", "OK", "OK"]),
    ):
        page("PUT", [{"error": "Throttling", **rule}])
        assert [codes(call, 1)[0] for call in calls] == expected, rule


def test_share_of_requests_is_the_same_for_a_seed(page: Page, connect: Callable[..., Any]) -> None:
    sts = connect("sts")
    rounds = []
    for seed in (1, 1, 2):
        page("PUT", [{"error": "Throttling", "rate": 0.3, "seed": seed}])
        rounds.append(codes(sts.get_caller_identity, 40))
    assert rounds[0] == rounds[1] != rounds[2]
    assert 4 <= rounds[0].count("Throttling") <= 20
    (rule,) = page("GET")
    assert (rule["matches"], rule["hits"]) == (40, rounds[2].count("Throttling"))


def test_client_that_retries_gets_through(page: Page, connect: Callable[..., Any]) -> None:
    page("PUT", [{"error": "RequestLimitExceeded", "status": 503, "count": 2}])
    connect("ec2", attempts=5).describe_vpcs()
    assert page("GET")[0]["hits"] == 2


def test_answer_that_comes_too_late_was_carried_out(
    emulator: Emulator, page: Page, connect: Callable[..., Any]
) -> None:
    ec2 = connect("ec2", read_timeout=0.2)
    before = len(ec2.describe_addresses()["Addresses"])
    page("PUT", [{"action": "AllocateAddress", "delay": 0.5}])
    with pytest.raises(ReadTimeoutError):
        ec2.allocate_address()
    for _ in range(20):
        addresses = ec2.describe_addresses()["Addresses"]
        if len(addresses) > before:
            break
        time.sleep(0.1)
    assert len(addresses) == before + 1
    assert "AllocateAddress" in emulator.request_log.read_text()
    ec2.release_address(AllocationId=addresses[-1]["AllocationId"])


@pytest.mark.parametrize(
    "rules",
    [[{}], [{"error": "a", "rate": 2}], [{"error": "a", "status": 200}], [{"errors": "a"}], 1],
)
def test_wrong_rules_are_refused(page: Page, rules: Any) -> None:
    with pytest.raises(HTTPError) as caught:
        page("PUT", rules)
    assert caught.value.code == 400
    assert json.load(caught.value)["message"]
    assert page("GET") == []
