"""Each correction to moto's IAM, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mlops.gpu_platform.tests.unit.aws_emulator.conftest import check_refusals


def test_client_ids_of_a_provider_can_be_changed(client: Callable[[str], Any]) -> None:
    iam = client("iam")
    created = iam.create_open_id_connect_provider(Url="https://oidc.example", ClientIDList=["a"])
    arn = {"OpenIDConnectProviderArn": created["OpenIDConnectProviderArn"]}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="b")
        iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="a")
    assert iam.get_open_id_connect_provider(**arn)["ClientIDList"] == ["b"]
    iam.delete_open_id_connect_provider(**arn)
    calls = ("add_client_id_to_open_id_connect_provider", "get_open_id_connect_provider")
    for method, rest in zip(calls, ({"ClientID": "a"}, {}), strict=True):
        check_refusals(iam, [(method, arn | rest, "NoSuchEntity", "not found")])
