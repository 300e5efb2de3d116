"""Pod identity associations of the emulated EKS, through boto3."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    check_refusals,
)


def test_association(eks: Any, cluster: str, roles: dict[str, str]) -> None:
    account = {"clusterName": cluster, "namespace": "triton", "serviceAccount": "triton"}
    created = eks.create_pod_identity_association(**account, roleArn=roles["mlops-a"])
    key = {"clusterName": cluster, "associationId": created["association"]["associationId"]}
    for asked, number in (({"namespace": "triton"}, 1), ({"serviceAccount": "other"}, 0)):
        found = eks.list_pod_identity_associations(clusterName=cluster, **asked)["associations"]
        assert len(found) == number
    eks.update_pod_identity_association(**key, roleArn=roles["mlops-b"])
    eks.tag_resource(resourceArn=created["association"]["associationArn"], tags={"a": "1"})
    described = eks.describe_pod_identity_association(**key)["association"]
    assert (described["roleArn"], described["tags"]) == (roles["mlops-b"], {"a": "1"})

    absent = "arn:aws:iam::123456789012:role/absent"
    other = account | {"serviceAccount": "other"}
    nowhere = key | {"associationId": "a-none"}
    bad, unknown = "InvalidParameterException", "ResourceNotFoundException"
    check_refusals(
        eks,
        [
            (
                "create_pod_identity_association",
                account | {"roleArn": roles["mlops-a"]},
                "ResourceInUseException",
                key["associationId"],
            ),
            ("create_pod_identity_association", other | {"roleArn": absent}, bad, "not exist"),
            ("update_pod_identity_association", key | {"roleArn": absent}, bad, "not exist"),
            ("describe_pod_identity_association", nowhere, unknown, "a-none"),
            ("delete_pod_identity_association", nowhere, unknown, "a-none"),
        ],
    )
    eks.delete_pod_identity_association(**key)
    assert eks.list_pod_identity_associations(clusterName=cluster)["associations"] == []
