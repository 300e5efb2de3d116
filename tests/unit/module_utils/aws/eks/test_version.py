"""Versions of Kubernetes for a cluster against scripted answers of AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.version import (
    check_version,
)
from support.scripted_aws import ScriptedAws
from support.scripted_eks import (
    expect_offers,
    expect_parts,
)


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


@pytest.mark.parametrize("version", ["1.9", "1.36"])
def test_a_version_that_eks_does_not_support_is_refused(script: ScriptedAws, version: str) -> None:
    expect_offers(script)
    with pytest.raises(AwsError) as caught:
        check_version(script.aws(), "mlops", None, version)
    assert str(caught.value) == f"version is {version}; EKS supports: 1.33, 1.34"


@pytest.mark.parametrize("version", ["1.32", "1.35"])
def test_only_the_next_version_is_a_step(script: ScriptedAws, version: str) -> None:
    with pytest.raises(AwsError, match=rf"EKS goes from 1\.33 to 1\.34 only, not to {version}"):
        check_version(script.aws(), "mlops", "1.33", version)


def test_all_that_would_break_is_named_at_once(script: ScriptedAws) -> None:
    expect_offers(script)
    expect_parts(
        script,
        node_groups={"system": "1.31", "gpu": "1.30"},
        addons={
            "coredns": ("v1.11", ["v1.13", "v1.12"]),
            "kube-proxy": ("v1.30.3-eksbuild.1", ["v1.34.0-eksbuild.1"]),
            "vpc-cni": ("v1.20", ["v1.20"]),
        },
        insights=["Deprecated APIs"],
    )
    with pytest.raises(AwsError) as caught:
        check_version(script.aws(), "mlops", "1.33", "1.34")
    assert str(caught.value) == (
        "version: cluster mlops cannot go from 1.33 to 1.34: "
        "node group gpu has 1.30, and must have at least 1.31; "
        "add-on coredns has v1.11, which EKS does not offer for 1.34 (default there: v1.12); "
        "add-on kube-proxy has v1.30.3-eksbuild.1, which EKS does not offer for 1.34 "
        "(default there: v1.34.0-eksbuild.1); "
        "upgrade insight Deprecated APIs"
    )


def test_kube_proxy_follows_after_the_control_plane(script: ScriptedAws) -> None:
    expect_offers(script)
    addons: dict[str, tuple[str, list[str]]] = {"kube-proxy": ("v1.31.0-eksbuild.1", [])}
    expect_parts(script, node_groups={"gpu": "1.31"}, addons=addons)
    check_version(script.aws(), "mlops", "1.33", "1.34")
