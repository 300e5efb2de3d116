"""The network of a VPC against the emulated AWS: built and changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Fields
from support.network_account import (
    EVERYTHING,
    ZONES,
    Account,
    Client,
    writes,
)


@pytest.fixture
def account(client: Client, emulator: Emulator, roles: dict[str, str]) -> Iterator[Account]:
    account = Account(client, emulator)
    yield account
    account.run(state="absent")


def test_second_run_changes_nothing_with_ten_calls(account: Account) -> None:
    first = account.run()
    assert first["changed"]
    calls = account.calls(lambda: account.run())
    assert (writes(calls), len(calls)) == ([], 10)
    assert account.run()["subnets"] == first["subnets"]


def test_check_mode_plans_from_an_empty_account_what_is_then_made(account: Account) -> None:
    plan = account.run(check_mode=True, **EVERYTHING)
    calls = account.calls(lambda: account.run(check_mode=True, **EVERYTHING))
    assert writes(calls) == []
    assert plan["vpc"]["vpc_id"] == "planned"

    made = account.run(**EVERYTHING)
    assert made["changes"] == plan["changes"]
    assert {change["action"] for change in made["changes"]} == {"create"}
    calls = account.calls(lambda: account.run(**EVERYTHING))
    assert (writes(calls), len(calls)) == ([], 14)

    plan = account.run(check_mode=True, state="absent")
    end = account.run(state="absent")
    assert end["changes"] == plan["changes"]
    created, deleted = (
        sorted((change["type"], change["name"]) for change in result["changes"])
        for result in (made, end)
    )
    assert created == deleted
    assert not account.run(state="absent")["changed"]


def test_nat_gateways_come_and_go_with_their_addresses_and_routes(account: Account) -> None:
    account.run(nat="per_zone")
    ways = account.ways_out()
    assert account.gateways() == account.addresses() == ["nat-eu-west-1a", "nat-eu-west-1b"]
    assert ways["private-eu-west-1a"] != ways["private-eu-west-1b"]

    plan = account.run(check_mode=True, nat="single")
    assert account.run(nat="single")["changes"] == plan["changes"]
    assert [(change["action"], change["name"]) for change in plan["changes"]] == [
        ("update", f"{account.name}-private-eu-west-1b"),
        ("delete", f"{account.name}-nat-eu-west-1b"),
        ("delete", f"{account.name}-nat-eu-west-1b"),
    ]
    ways = account.ways_out()
    assert account.gateways() == account.addresses() == ["nat-eu-west-1a"]
    assert ways["private-eu-west-1a"] == ways["private-eu-west-1b"]

    account.run(nat="none")
    assert account.gateways() == account.addresses() == []
    assert list(account.ways_out()) == ["public"]


def test_without_nat_the_way_to_s3_stays(account: Account) -> None:
    account.run(nat="none")
    calls = writes(account.calls(lambda: account.run(nat="none")))
    assert calls == []
    for table in account.in_vpc("describe_route_tables", "RouteTables"):
        to_s3 = [route for route in table["Routes"] if "DestinationPrefixListId" in route]
        private = any("private" in name for name in account.names([table]))
        assert len(to_s3) == (1 if private else 0)


def test_what_runs_in_a_zone_that_is_not_listed_any_more_keeps_a_way_out(account: Account) -> None:
    account.run(zones=[*ZONES, "eu-west-1c"], nat="per_zone")
    result = account.run(nat="per_zone")
    assert [(change["action"], change["name"]) for change in result["changes"]] == [
        ("update", f"{account.name}-private-eu-west-1c"),
        ("delete", f"{account.name}-nat-eu-west-1c"),
        ("delete", f"{account.name}-nat-eu-west-1c"),
    ]
    ways = account.ways_out()
    assert ways["private-eu-west-1c"] == ways["private-eu-west-1a"]
    assert not account.run(nat="per_zone")["changed"]


def test_a_built_network_gets_ipv6_endpoints_and_flow_logs(account: Account) -> None:
    account.run(nat="per_zone")
    plan = account.run(check_mode=True, **EVERYTHING)
    made = account.run(**EVERYTHING)
    assert made["changes"] == plan["changes"]
    assert not account.run(**EVERYTHING)["changed"]
    blocks = {
        block["Ipv6CidrBlock"]
        for subnet in account.in_vpc("describe_subnets", "Subnets")
        for block in subnet["Ipv6CidrBlockAssociationSet"]
    }
    assert len(blocks) == 4
    assert all(block.endswith("/64") for block in blocks)

    less: Fields = {"nat": "per_zone", "interface_endpoints": ["sts"]}
    assert [(change["action"], change["type"]) for change in account.run(**less)["changes"]] == [
        ("delete", "AWS::EC2::VPCEndpoint"),
        ("delete", "AWS::EC2::FlowLog"),
    ]
    assert not account.run(**less)["changed"]


def test_another_role_means_another_flow_log(account: Account, roles: dict[str, str]) -> None:
    account.run(flow_logs={"role": "mlops-a", "retention_days": 30})
    other = {"role": roles["mlops-b"], "retention_days": 90}
    calls = account.calls(lambda: account.run(flow_logs=other))
    assert writes(calls) == ["PutRetentionPolicy", "DeleteFlowLogs", "CreateFlowLogs"]
    assert not account.run(flow_logs=other)["changed"]


def test_tags_are_set_on_everything_and_purged(account: Account) -> None:
    account.run(**EVERYTHING)
    result = account.run(**EVERYTHING, tags={"Owner": "mlops"})
    assert {tuple(change["fields"]) for change in result["changes"]} == {("tags",)}
    assert len(result["changes"]) == len(account.run(check_mode=True, state="absent")["changes"])
    assert not account.run(**EVERYTHING, tags={"Owner": "mlops"})["changed"]
    assert not account.run(**EVERYTHING, tags={}, purge_tags=False)["changed"]
    assert not account.run(**EVERYTHING, tags=None)["changed"]
