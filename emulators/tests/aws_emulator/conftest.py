"""One emulated AWS for the whole session, reached over HTTP as every client reaches it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import boto3
import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.shapes import check_answers
from botocore.exceptions import ClientError

Page = Callable[..., Any]
Refusal = tuple[str, dict[str, Any], str, str]

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


def trust(service: str) -> str:
    """Return a trust policy that lets a service of AWS assume a role."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = trust("eks")


class Emulator(NamedTuple):
    """Where the emulated AWS answers, and the file that gets its request log."""

    url: str
    request_log: Path


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Serve the emulated AWS on a free port."""
    from aws_emulator.server import make_emulator

    request_log = tmp_path_factory.mktemp("aws") / "requests.jsonl"
    server = make_emulator(0, request_log)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Emulator(f"http://127.0.0.1:{server.server_port}", request_log)
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Callable[[str], Any]:
    """Return boto3 clients by the name of the service, which check the shape of each answer."""

    @cache
    def connect(service: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=emulator.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        return check_answers(client)

    return connect


@pytest.fixture
def page_at(emulator: Emulator) -> Iterator[Callable[[str], Page]]:
    """Return a function that calls a page of the emulator by a method, with JSON, by its path."""
    used = set()

    def at(path: str) -> Page:
        def call(method: str, content: Any = None) -> Any:
            used.add(call)
            body = None if content is None else json.dumps(content).encode()
            with urlopen(Request(emulator.url + path, body, method=method), timeout=5) as answer:
                return json.load(answer)

        return call

    yield at
    for call in list(used):
        call("DELETE")


@pytest.fixture
def ec2(client: Callable[[str], Any]) -> Any:
    """An EC2 client."""
    return client("ec2")


@pytest.fixture
def subnets(client: Callable[[str], Any]) -> Iterator[list[str]]:
    """Two subnets in two zones of a VPC of their own."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    created = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in (("10.9.0.0/24", "eu-west-1a"), ("10.9.1.0/24", "eu-west-1b"))
    ]
    yield created
    for subnet in created:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture
def roles(client: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    """The ARNs of two roles by their names."""
    iam = client("iam")
    created = {
        name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        for name in ("mlops-a", "mlops-b")
    }
    yield created
    for name in created:
        iam.delete_role(RoleName=name)


@pytest.fixture
def eks(client: Callable[[str], Any]) -> Any:
    """An EKS client."""
    return client("eks")


@pytest.fixture
def service_roles(client: Callable[[str], Any]) -> Iterator[dict[str, str]]:
    """The ARNs of the roles of a cluster and of its nodes, by the service that may assume them."""
    iam = client("iam")
    created = {
        service: iam.create_role(
            RoleName=f"mlops-{service}", AssumeRolePolicyDocument=trust(service)
        )["Role"]["Arn"]
        for service in ("eks", "ec2")
    }
    yield created
    for service in created:
        iam.delete_role(RoleName=f"mlops-{service}")


@pytest.fixture
def cluster(eks: Any, subnets: list[str], service_roles: dict[str, str]) -> Iterator[str]:
    """The name of a cluster of version 1.33."""
    eks.create_cluster(
        name="mlops",
        roleArn=service_roles["eks"],
        version="1.33",
        resourcesVpcConfig={"subnetIds": subnets, "endpointPrivateAccess": True},
        accessConfig={"authenticationMode": "API"},
    )
    yield "mlops"
    eks.delete_cluster(name="mlops")


def check_refusals(client: Any, refusals: list[Refusal]) -> None:
    """Make calls by name with arguments, each of which must be refused with this code and text."""
    for method, arguments, code, text in refusals:
        with pytest.raises(ClientError) as caught:
            getattr(client, method)(**arguments)
        assert caught.value.response["Error"]["Code"] == code, method
        assert text in caught.value.response["Error"]["Message"], method
