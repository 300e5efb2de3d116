"""The emulated AWS of the emulator's own tests, for the collection's code to run against."""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import (
    client,
    cluster,
    eks,
    emulator,
    page_at,
    roles,
    service_roles,
    subnets,
)

__all__ = ["client", "cluster", "eks", "emulator", "page_at", "roles", "service_roles", "subnets"]
