"""A running emulator for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from kubernetes_emulator.server import Server, serve


@pytest.fixture(scope="session")
def log_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of container logs."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def server(log_dir: Path) -> Iterator[Server]:
    """Yield a server on a free port."""
    found = serve("127.0.0.1", 0, log_dir)
    Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture(scope="session")
def api_server(server: Server) -> str:
    """Return the URL of the running server."""
    return f"http://{server.host}"
