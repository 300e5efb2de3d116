"""Make a Helm chart repository out of chart directories.

Writes NAME-VERSION.tgz for each chart, and index.yaml. The same charts give the same bytes, so a
second run writes nothing. Prints the name of each file that it writes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import yaml
from whole import write_or_exit

# Archives and index carry this time instead of the clock's.
EPOCH = "1970-01-01T00:00:00Z"


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


def main() -> None:
    """Read the arguments, write what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--charts", type=Path, required=True, help="the folder of the charts")
    parser.add_argument("--repository", type=Path, required=True, help="the folder to write")
    arguments = parser.parse_args()
    for name, content in repository(arguments.charts).items():
        path = arguments.repository / name
        if not path.is_file() or path.read_bytes() != content:
            write_or_exit(path, content)
            print(name)


if __name__ == "__main__":
    main()
