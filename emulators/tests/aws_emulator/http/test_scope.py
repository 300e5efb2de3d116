"""What is out of scope is answered 501 with one sentence, in the protocol of its service."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from aws_emulator.http.call import model_of
from aws_emulator.http.scope import IN_SCOPE, OTHERS, SCENARIOS, THE_COLLECTION
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

BUDGET_ACTION = {"AccountId": "123456789012", "BudgetName": "x", "ActionId": "0" * 36}


@pytest.mark.parametrize(
    ("service", "method", "parameters", "asked"),
    [
        ("ec2", "describe_fpga_images", {}, "ec2 DescribeFpgaImages"),
        ("iam", "list_mfa_devices", {}, "iam ListMFADevices"),
        ("eks", "list_eks_anywhere_subscriptions", {}, "eks ListEksAnywhereSubscriptions"),
        ("budgets", "describe_budget_action", BUDGET_ACTION, "budgets DescribeBudgetAction"),
        ("elbv2", "describe_ssl_policies", {}, "elasticloadbalancing DescribeSSLPolicies"),
        ("sqs", "list_queues", {}, "sqs ListQueues"),
        ("s3", "list_buckets", {}, "s3 ListBuckets"),
        ("braket", "search_jobs", {"filters": []}, "braket SearchJobs"),
    ],
)
def test_a_client_is_told(
    emulator: Emulator, service: str, method: str, parameters: dict[str, Any], asked: str
) -> None:
    client = boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**parameters)
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["Error"]["Code"] == "NotImplemented"
    assert answer["Error"]["Message"] == (
        f"The emulated AWS does not answer {asked}: its scope is what this collection's playbooks "
        "ask for (emulators/README.md)."
    )


def test_a_request_that_nobody_signed_is_told(emulator: Emulator) -> None:
    with pytest.raises(HTTPError) as refused, urlopen(f"{emulator.url}/bucket", timeout=5):
        pass
    with refused.value as answer:
        assert answer.code == 501
        assert b"The emulated AWS does not answer GET /bucket" in answer.read()


def test_every_action_is_one_of_its_service_and_named_once() -> None:
    models = {"servicequotas": "service-quotas", "tagging": "resourcegroupstaggingapi"}
    for service in {service for service, _ in IN_SCOPE}:
        known = set(model_of(models.get(service, service)).operation_names)
        if service == "elasticloadbalancing":
            known |= set(get_service_model("elbv2").operation_names)
        assert {action for name, action in IN_SCOPE if name == service} - known == set()
    words = [
        word
        for line in f"{THE_COLLECTION}{OTHERS}{SCENARIOS}".splitlines()
        for word in line.split()[1:]
    ]
    assert len(words) == len(IN_SCOPE)
