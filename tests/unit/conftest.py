"""The programs that several tests run."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins import kubernetes_clients as clients


@pytest.fixture(scope="session")
def kubernetes_clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with helm and kubectl, unpacked as the role local_stack does."""
    directory = tmp_path_factory.mktemp("bin")
    clients.unpack(directory)
    return directory
