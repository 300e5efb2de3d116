"""The test eks_region."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.test.eks_region import eks_region


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "us-gov-west-1"])
def test_a_region_with_eks(region: str) -> None:
    assert eks_region(region)


@pytest.mark.parametrize("region", ["eu-west-9", "eu-west-1a", "", None, 1])
def test_no_region(region: object) -> None:
    assert not eks_region(region)
