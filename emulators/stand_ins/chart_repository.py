"""Serve the stand-in charts as a Helm chart repository on 127.0.0.1.

It has ``/index.yaml`` and for each chart ``/NAME-VERSION.tgz``, of the same bytes each time.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import tarfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from . import disk

CHARTS = Path(__file__).with_name("charts")
EPOCH = "1970-01-01T00:00:00Z"
"""Archives and index carry this time instead of the clock's."""


def package(chart: Path, name: str) -> bytes:
    """Return the chart directory as a gzipped tar archive below ``name``, the same each time."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file in sorted(path for path in chart.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{name}/{file.relative_to(chart)}")
            content = file.read_bytes()
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


def repository(charts: Path) -> dict[str, bytes]:
    """Return the files of a repository of all charts below ``charts``, by name."""
    files = {}
    entries: dict[str, list[dict[str, Any]]] = {}
    for metadata in sorted(charts.glob("*/Chart.yaml")):
        chart = yaml.safe_load(metadata.read_text(encoding="utf-8"))
        archive = package(metadata.parent, chart["name"])
        file = f"{chart['name']}-{chart['version']}.tgz"
        files[file] = archive
        digest = hashlib.sha256(archive).hexdigest()
        entry = {**chart, "created": EPOCH, "digest": digest, "urls": [file]}
        entries.setdefault(chart["name"], []).append(entry)
    index = {"apiVersion": "v1", "entries": entries, "generated": EPOCH}
    files["index.yaml"] = yaml.safe_dump(index).encode()
    return files


class Repository(ThreadingHTTPServer):
    """An HTTP server of the charts in a folder, as they are when it starts.

    Raises OSError if the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, charts: Path = CHARTS) -> None:
        self.files = repository(charts)
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One request to the repository."""

    server: Repository

    def do_GET(self) -> None:
        """Send the index or a chart."""
        content = self.server.files.get(self.path.removeprefix("/"))
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"the index has no {self.path}")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    Repository(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    disk.outlive_full_logs()
    main()
