"""The request log: who asked what, with which parameters, and what came of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from aws_emulator.http.call import Environ, StartResponse
from aws_emulator.http.request_log import RequestLog
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"


def last_line(emulator: Emulator) -> dict[str, Any]:
    """Return the last line of the request log."""
    line: dict[str, Any] = json.loads(emulator.request_log.read_text().splitlines()[-1])
    return line


VPC = {
    "CidrBlock": "10.8.0.0/16",
    "DryRun": True,
    "TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}],
}


@pytest.mark.parametrize(
    ("service", "method", "parameters", "action"),
    [
        ("ec2", "create_vpc", VPC, "CreateVpc"),
        ("ecr", "describe_repositories", {"maxResults": 5}, "DescribeRepositories"),
        ("eks", "list_addons", {"clusterName": "absent", "maxResults": 5}, "ListAddons"),
        ("eks", "tag_resource", {"resourceArn": "arn:a", "tags": {"a": "b"}}, "TagResource"),
        ("elb", "describe_load_balancers", {"PageSize": 5}, "DescribeLoadBalancers"),
        ("elbv2", "describe_target_groups", {"Names": ["absent"]}, "DescribeTargetGroups"),
        ("cloudwatch", "describe_alarms", {"AlarmNames": ["a"]}, "DescribeAlarms"),
        ("resourcegroupstaggingapi", "get_resources", {"ResourcesPerPage": 5}, "GetResources"),
    ],
)
def test_log_has_the_call_as_it_was_made(
    emulator: Emulator,
    client: Callable[[str], Any],
    service: str,
    method: str,
    parameters: dict[str, Any],
    action: str,
) -> None:
    model = client(service).meta.service_model
    try:
        getattr(client(service), method)(**parameters)
        error = None
    except ClientError as caught:
        error = caught.response["Error"]["Code"]
    line = last_line(emulator)
    assert line["service"] == model.signing_name
    assert (line["action"], line["region"], line["account"]) == (action, "eu-west-1", ACCOUNT)
    assert line["parameters"] == parameters
    assert line.get("error") == error
    assert (line["status"] >= 400) == (error is not None)
    assert datetime.fromisoformat(line["time"]).tzinfo


def test_log_has_no_secrets(emulator: Emulator, client: Callable[[str], Any]) -> None:
    secrets = client("secretsmanager")
    with pytest.raises(ClientError, match="does not answer secretsmanager CreateSecret"):
        secrets.create_secret(Name="mlops/token", SecretString="s3cr3t", SecretBinary=b"s3cr3t")
    line = last_line(emulator)
    assert line["parameters"]["Name"] == "mlops/token"
    assert line["parameters"]["SecretString"] == line["parameters"]["SecretBinary"] == "***"
    assert "s3cr3t" not in emulator.request_log.read_text()
    assert "Credential=" not in emulator.request_log.read_text()


def test_log_names_the_region_of_each_client(emulator: Emulator) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("ec2", "us-west-2", endpoint_url=emulator.url, **keys)
    client.describe_vpcs(VpcIds=[])
    assert last_line(emulator)["region"] == "us-west-2"


def test_log_tells_where_moto_fails(tmp_path: Path) -> None:
    def fails(environ: Environ, start_response: StartResponse) -> list[bytes]:
        raise RuntimeError

    log = tmp_path / "requests.jsonl"
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": io.BytesIO()}
    with pytest.raises(RuntimeError):
        RequestLog(fails, log)(environ, lambda *_: None)
    line = json.loads(log.read_text())
    assert (line["action"], line["status"], line["error"]) == ("GET /", 500, "500")


def test_a_request_is_answered_though_the_disk_of_the_log_is_full() -> None:
    log = RequestLog(lambda environ, start: [b"answer"], Path("/dev/full"))
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": io.BytesIO()}
    assert log(environ, lambda *_: None) == [b"answer"]
