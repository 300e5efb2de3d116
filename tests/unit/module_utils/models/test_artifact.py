"""Files from an address: fetched once, proven to be the declared ones, and whole or not there."""

from __future__ import annotations

import hashlib
import resource
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.artifact import fetch
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
    Origin,
)

CONTENT = b"weights" * 10_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at /whole.pt, half of it at /cut.pt, and nothing else."""

    def do_GET(self) -> None:  # http.server's name
        if self.path not in ("/whole.pt", "/cut.pt"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole.pt" else CONTENT[: len(CONTENT) // 2])

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_file_is_fetched_once(server: ThreadingHTTPServer, address: str, tmp_path: Path) -> None:
    origin = Origin.of(f"{address}/whole.pt#sha256={DIGEST}", tmp_path)
    downloads = tmp_path / "downloads"
    path = fetch(origin, downloads)
    assert path.read_bytes() == CONTENT
    assert path.suffix == ".pt"
    server.server_close()
    assert fetch(origin, downloads) == path
    path.write_bytes(b"tampered")
    with pytest.raises(ModelError, match="cannot fetch"):
        fetch(origin, downloads)


def test_a_path_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(CONTENT)
    origin = Origin.of(f"weights.pt#sha256={DIGEST}", tmp_path)
    assert fetch(origin, tmp_path / "downloads") == tmp_path / "weights.pt"
    assert not (tmp_path / "downloads").exists()


@pytest.mark.parametrize(
    ("path", "digest", "message"),
    [
        ("whole.pt", "0" * 64, f"has the sha256 {DIGEST}, but {'0' * 64} is declared"),
        ("cut.pt", DIGEST, f"but {DIGEST} is declared"),
        ("none.pt", DIGEST, "cannot fetch http://127.0.0.1:{port}/none.pt: HTTP Error 404"),
    ],
)
def test_refusals(
    server: ThreadingHTTPServer, tmp_path: Path, path: str, digest: str, message: str
) -> None:
    address = f"http://127.0.0.1:{server.server_port}/{path}#sha256={digest}"
    with pytest.raises(ModelError) as caught:
        fetch(Origin.of(address, tmp_path), tmp_path / "downloads")
    assert message.format(port=server.server_port) in str(caught.value)
    assert list(tmp_path.rglob("*")) == [tmp_path / "downloads"]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "no-such-host.invalid"])
def test_an_address_out_of_reach(tmp_path: Path, host: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://{host.format(port=closed.getsockname()[1])}/whole.pt"
        with pytest.raises(ModelError) as caught:
            fetch(Origin.of(f"{url}#sha256={DIGEST}", tmp_path), tmp_path / "downloads")
    assert str(caught.value).startswith(f"cannot fetch {url}: ")
    assert list(tmp_path.rglob("*")) == [tmp_path / "downloads"]


def test_a_disk_that_gets_full(address: str, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(ModelError, match=r"cannot write .*/downloads/.*: .*File too large"):
            fetch(
                Origin.of(f"{address}/whole.pt#sha256={DIGEST}", tmp_path), tmp_path / "downloads"
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.rglob("*")) == [tmp_path / "downloads"]
