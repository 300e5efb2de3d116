"""Tests: what EKS and Kubernetes take for a node group."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.node_rules import (
    labels_fit,
    sizes_fit,
    taints_fit,
)


class TestModule:
    """Offer the tests to Ansible."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the tests by name."""
        return {"labels": labels_fit, "node_group_sizes": sizes_fit, "taints": taints_fit}
