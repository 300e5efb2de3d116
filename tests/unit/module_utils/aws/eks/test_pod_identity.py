"""Pod identity associations against scripted answers of AWS."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.pod_identity import (
    ensure_pod_identities,
)
from support.scripted_aws import ScriptedAws

ROLE = "arn:aws:iam::123456789012:role/triton"
NAMES = {"clusterName": "mlops", "namespace": "triton", "serviceAccount": "sa.a"}
UNKNOWN = "Role provided in the request does not exist."


def params(**changes: Any) -> Fields:
    """Return the module's options for the association below."""
    return {
        "cluster_name": "mlops",
        "namespace": "triton",
        "service_account": "sa.a",
        "associations": None,
        "state": "present",
        "role": ROLE,
        "tags": None,
        "purge_tags": True,
        **changes,
    }


def test_new_role_is_waited_for() -> None:
    with ScriptedAws() as script:
        script.answer("eks", "list_pod_identity_associations", {"associations": []}, **NAMES)
        method = "create_pod_identity_association"
        script.refuse("eks", method, "InvalidParameterException", UNKNOWN)
        association = {**NAMES, "associationId": "a-1", "roleArn": ROLE}
        script.answer("eks", method, {"association": association}, **NAMES, roleArn=ROLE)
        result = ensure_pod_identities(script.aws(), params())
        assert result["association"]["association_id"] == "a-1"
        assert script.now == 5


def test_association_that_ends_meanwhile_is_made_anew() -> None:
    with ScriptedAws() as script:
        found = {"associations": [{"associationId": "a-1"}]}
        script.answer("eks", "list_pod_identity_associations", found, **NAMES)
        script.refuse("eks", "describe_pod_identity_association", "ResourceNotFoundException")
        assert ensure_pod_identities(script.aws(check_mode=True), params())["changed"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("namespace", "Triton"),
        ("namespace", "a.b"),
        ("service_account", "*"),
        ("service_account", ""),
    ],
)
def test_bad_names_are_refused_before_any_call(option: str, value: str) -> None:
    with ScriptedAws() as script, pytest.raises(AwsError) as caught:
        ensure_pod_identities(script.aws(), params(**{option: value}))
    assert str(caught.value) == (
        f"{option} is {value!r}; it must be a Kubernetes name of lower-case letters, digits and "
        "hyphens"
    )


def test_association_without_a_role_is_refused() -> None:
    with ScriptedAws() as script, pytest.raises(AwsError, match=r"triton/sa\.a has no role"):
        ensure_pod_identities(script.aws(), params(role=None))


def test_several_associations_are_one_result() -> None:
    both: list[Fields] = [
        {"namespace": "triton", "service_account": "sa.a", "role": None},
        {"namespace": "kube-system", "service_account": "scaler", "role": f"{ROLE}-b"},
    ]
    options = params(namespace=None, service_account=None, associations=both)
    with ScriptedAws() as script:
        for each, role in zip(both, (ROLE, f"{ROLE}-b"), strict=True):
            names = {
                "clusterName": "mlops",
                "namespace": each["namespace"],
                "serviceAccount": each["service_account"],
            }
            script.answer("eks", "list_pod_identity_associations", {"associations": []}, **names)
            answer = {"association": {**names, "roleArn": role}}
            method = "create_pod_identity_association"
            script.answer("eks", method, answer, **names, roleArn=role)
        result = ensure_pod_identities(script.aws(), options)
    assert [each["role_arn"] for each in result["associations"]] == [ROLE, f"{ROLE}-b"]
    assert [change["name"] for change in result["changes"]] == [
        "mlops/triton/sa.a",
        "mlops/kube-system/scaler",
    ]
    assert result["diff"]["after"]["kube-system/scaler"] == {"role": f"{ROLE}-b"}


def test_every_association_is_checked_before_the_first_call() -> None:
    both = [
        {"namespace": "triton", "service_account": "sa.a", "role": None},
        {"namespace": "Kube", "service_account": "scaler", "role": None},
    ]
    with ScriptedAws() as script, pytest.raises(AwsError, match="namespace is 'Kube'"):
        ensure_pod_identities(script.aws(), params(associations=both))
