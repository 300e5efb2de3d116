"""What holds for every test here, and the programs that several of them run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from stand_ins import kubernetes_clients as clients

# onnxruntime sends no usage events.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The servers of the tests are on loopback, which no proxy of the user's reaches.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))


@pytest.fixture(scope="session")
def kubernetes_clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with helm and kubectl, unpacked as the role local_stack does."""
    directory = tmp_path_factory.mktemp("bin")
    clients.unpack(directory)
    return directory
