"""What the emulator knows of EKS, it knows without asking anybody."""

from __future__ import annotations

import pytest
from aws_emulator.eks.node_checks import ami_types
from botocore.credentials import CredentialResolver


def test_the_ami_types_are_known_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: CredentialResolver) -> None:
        raise AssertionError("without a key this asks the metadata service of EC2")

    monkeypatch.setattr(CredentialResolver, "load_credentials", ask)
    ami_types.cache_clear()
    assert {"AL2_x86_64_GPU", "BOTTLEROCKET_x86_64_NVIDIA"} <= set(ami_types())
