"""EKS add-ons against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.addon import ensure_addons
from support.scripted_aws import ScriptedAws
from support.scripted_eks import expect_addon_offers

NAMES = {"clusterName": "mlops", "addonName": "coredns"}
ROLE = "arn:aws:iam::123456789012:role/dns"
NO_REPLICAS = [{"code": "InsufficientNumberOfReplicas", "message": "no nodes"}]
NO_ACCESS = [{"code": "AccessDenied", "message": "no role"}]


def params(**changes: Any) -> Fields:
    """Return the module's options for the add-on below."""
    return {
        "cluster_name": "mlops",
        "name": "coredns",
        "addons": None,
        "state": "present",
        "version": None,
        "configuration_values": {"replicaCount": 2},
        "service_account_role": None,
        "resolve_conflicts": "NONE",
        "tags": None,
        "purge_tags": True,
        **changes,
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def addon(**changes: Any) -> Fields:
    """Return an answer with the add-on."""
    described = {
        **NAMES,
        "status": "ACTIVE",
        "addonVersion": "v1",
        "addonArn": "arn:a",
        "configurationValues": '{ "replicaCount" : 2 }',
        "serviceAccountRoleArn": ROLE,
        **changes,
    }
    return {"addon": described}


def expect_looks(script: ScriptedAws, *changes: Fields) -> None:
    """Expect one look at the add-on for each of these states."""
    for change in changes:
        script.answer("eks", "describe_addon", addon(**change), **NAMES)


def expect_update(script: ScriptedAws, **request: Any) -> None:
    """Expect one update, which is done at the first look."""
    update = {"id": "u", "type": "AddonUpdate", "status": "InProgress"}
    script.answer("eks", "update_addon", {"update": update}, **NAMES, **request)
    done = {"update": update | {"status": "Successful"}}
    names = {"name": "mlops", "addonName": "coredns"}
    script.answer("eks", "describe_update", done, **names, updateId="u")


def issues(status: str, found: list[dict[str, str]]) -> Fields:
    """Return a state with health issues."""
    return {"status": status, "health": {"issues": found}}


def test_create_waits_for_replicas(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.answer(
        "eks",
        "create_addon",
        addon(status="CREATING"),
        **NAMES,
        configurationValues='{"replicaCount": 2}',
        serviceAccountRoleArn=ROLE,
        resolveConflicts="NONE",
    )
    expect_looks(script, {"status": "CREATING"}, issues("DEGRADED", NO_REPLICAS), {})
    options = params(service_account_role=ROLE, resolve_conflicts="PRESERVE")
    result = ensure_addons(script.aws(poll_interval=7), options)
    assert result["addon"]["status"] == "ACTIVE"
    assert script.now == 14


def test_create_without_wait_returns_at_once(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.stub("eks").add_response("create_addon", addon(status="CREATING"))
    assert ensure_addons(script.aws(wait=False), params())["addon"]["status"] == "CREATING"


@pytest.mark.parametrize("status", ["CREATING", "DEGRADED", "CREATE_FAILED"])
def test_other_health_issues_end_the_wait(script: ScriptedAws, status: str) -> None:
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.stub("eks").add_response("create_addon", addon(status="CREATING"))
    expect_looks(script, issues(status, NO_ACCESS))
    with pytest.raises(AwsError, match=f"add-on coredns is {status}: AccessDenied: no role") as e:
        ensure_addons(script.aws(), params())
    assert e.value.details == {"issues": NO_ACCESS}
    assert script.now == 0


def test_time_out_names_the_health_issues(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.stub("eks").add_response("create_addon", addon(status="CREATING"))
    expect_looks(script, *[issues("DEGRADED", NO_REPLICAS)] * 3)
    message = (
        "add-on coredns active: not reached within 20 s; "
        "add-on coredns is DEGRADED: InsufficientNumberOfReplicas: no nodes"
    )
    with pytest.raises(AwsError, match=message):
        ensure_addons(script.aws(wait_timeout=20, poll_interval=10), params())


@pytest.mark.parametrize("status", ["ACTIVE", "DEGRADED"])
def test_second_run_changes_nothing(script: ScriptedAws, status: str) -> None:
    expect_looks(script, {"status": status})
    assert not ensure_addons(script.aws(), params(service_account_role="dns"))["changed"]


def test_change_under_way_is_waited_for(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "UPDATING"}, issues("UPDATING", NO_ACCESS), {})
    assert not ensure_addons(script.aws(), params())["changed"]
    assert script.now == 10


def test_update_keeps_what_is_not_managed(script: ScriptedAws) -> None:
    expect_looks(script, {})
    expect_update(
        script,
        configurationValues='{"replicaCount": 3}',
        serviceAccountRoleArn=ROLE,
        resolveConflicts="PRESERVE",
    )
    expect_looks(script, {"status": "UPDATING"}, {}, {})
    options = {"configuration_values": {"replicaCount": 3}, "resolve_conflicts": "PRESERVE"}
    assert ensure_addons(script.aws(), params(**options))["changed"]


def test_failed_update_is_sent_again(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "UPDATE_FAILED"})
    expect_update(
        script,
        configurationValues='{"replicaCount": 2}',
        serviceAccountRoleArn=ROLE,
        resolveConflicts="NONE",
    )
    expect_looks(script, {}, {})
    result = ensure_addons(script.aws(), params())
    assert result["diff"]["before"]["status"] == "UPDATE_FAILED"


def test_failed_creation_is_cleared_away(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "CREATE_FAILED"})
    script.answer("eks", "delete_addon", addon(status="DELETING"), **NAMES)
    expect_looks(script, {"status": "DELETING"})
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.stub("eks").add_response("create_addon", addon(status="CREATING"))
    expect_looks(script, {})
    result = ensure_addons(script.aws(), params())
    assert result["diff"]["before"] == {}
    assert result["addon"]["status"] == "ACTIVE"


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETING", "CREATING"])
def test_check_mode_only_looks(script: ScriptedAws, status: str) -> None:
    expect_looks(script, {"status": status})
    result = ensure_addons(script.aws(check_mode=True), params(tags={"a": "1"}))
    assert result["changed"]


def test_configuration_that_is_not_json_is_replaced(script: ScriptedAws) -> None:
    expect_looks(script, {"configurationValues": "replicaCount: 2"})
    result = ensure_addons(script.aws(check_mode=True), params())
    assert result["diff"]["before"]["configuration_values"] == "replicaCount: 2"


def test_version_that_is_there_is_not_looked_up(script: ScriptedAws) -> None:
    expect_looks(script, {})
    assert not ensure_addons(script.aws(), params(version="v1"))["changed"]


def test_version_for_a_planned_cluster_is_taken_as_it_is(script: ScriptedAws) -> None:
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    script.refuse("eks", "describe_cluster", "ResourceNotFoundException")
    result = ensure_addons(script.aws(check_mode=True), params(version="default"))
    assert result["diff"]["after"]["version"] == "default"


def test_delete_waits_until_it_is_gone(script: ScriptedAws) -> None:
    expect_looks(script, {})
    script.answer("eks", "delete_addon", addon(status="DELETING"), **NAMES)
    expect_looks(script, {"status": "DELETING"})
    script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    assert ensure_addons(script.aws(), params(state="absent"))["changed"]


def test_delete_without_wait_of_an_addon_that_is_going_does_nothing(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "DELETING"})
    ensure_addons(script.aws(wait=False), params(state="absent"))


def test_delete_without_wait_returns_at_once(script: ScriptedAws) -> None:
    expect_looks(script, {})
    script.answer("eks", "delete_addon", addon(status="DELETING"), **NAMES)
    assert ensure_addons(script.aws(wait=False), params(state="absent"))["changed"]


def test_failed_deletion_says_why(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "DELETING"}, issues("DELETE_FAILED", NO_ACCESS))
    with pytest.raises(AwsError, match="add-on coredns is DELETE_FAILED: AccessDenied: no role"):
        ensure_addons(script.aws(), params(state="absent"))


def both(**changes: Any) -> Fields:
    """Return the module's options for two add-ons."""
    unset = ("version", "configuration_values", "service_account_role", "resolve_conflicts")
    addons = [{**dict.fromkeys(unset), "name": name} for name in ("vpc-cni", "coredns")]
    options = {"name": None, "addons": addons, "configuration_values": None, **changes}
    return params(**options)


def names_of(name: str) -> dict[str, str]:
    return {"clusterName": "mlops", "addonName": name}


def test_all_addons_are_sent_before_any_is_waited_for(script: ScriptedAws) -> None:
    for name in ("vpc-cni", "coredns"):
        script.refuse("eks", "describe_addon", "ResourceNotFoundException")
        creating = {"addon": {"addonName": name, "status": "CREATING"}}
        request = {**names_of(name), "resolveConflicts": "OVERWRITE"}
        script.answer("eks", "create_addon", creating, **request)
    for name in ("vpc-cni", "coredns"):
        for status in ("CREATING", "ACTIVE"):
            look = {"addon": {"addonName": name, "status": status}}
            script.answer("eks", "describe_addon", look, **names_of(name))
    result = ensure_addons(script.aws(poll_interval=7), both(resolve_conflicts="OVERWRITE"))
    assert [addon["status"] for addon in result["addons"]] == ["ACTIVE", "ACTIVE"]
    assert script.now == 14


def test_several_addons_without_wait(script: ScriptedAws) -> None:
    for name in ("vpc-cni", "coredns"):
        script.refuse("eks", "describe_addon", "ResourceNotFoundException")
        creating = {"addon": {"addonName": name, "status": "CREATING"}}
        script.stub("eks").add_response("create_addon", creating)
    result = ensure_addons(script.aws(wait=False), both())
    assert [addon["status"] for addon in result["addons"]] == ["CREATING", "CREATING"]


def test_several_addons_are_deleted_side_by_side(script: ScriptedAws) -> None:
    for name in ("vpc-cni", "coredns"):
        script.answer("eks", "describe_addon", addon(), **names_of(name))
        script.answer("eks", "delete_addon", addon(status="DELETING"), **names_of(name))
    for _ in range(2):
        script.refuse("eks", "describe_addon", "ResourceNotFoundException")
    result = ensure_addons(script.aws(), both(state="absent"))
    assert (result["changed"], result["addons"]) == (True, [])


def test_a_new_addon_that_is_not_active_yet_is_waited_for(script: ScriptedAws) -> None:
    expect_looks(script, {"status": "CREATING"}, issues("DEGRADED", NO_REPLICAS), {})
    assert not ensure_addons(script.aws(poll_interval=7), params())["changed"]
    assert script.now == 7


def test_the_cluster_is_asked_once_for_its_version(script: ScriptedAws) -> None:
    cluster = {"cluster": {"name": "mlops", "version": "1.34"}}
    for name in ("vpc-cni", "coredns"):
        script.answer("eks", "describe_addon", addon(addonName=name), **names_of(name))
        if name == "vpc-cni":
            script.answer("eks", "describe_cluster", cluster, name="mlops")
        expect_addon_offers(script, name, ["v2", "v1"])
    assert not ensure_addons(script.aws(), both(version="default"))["changed"]
