"""The rooms of module_utils: no door leads from what talks to AWS to what knows models, or back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT

ROOMS = ROOT / "plugins" / "module_utils"
PACKAGE = ("ansible_collections", "mlops", "gpu_platform", "plugins", "module_utils")
FILES = sorted(path.relative_to(ROOMS) for path in ROOMS.rglob("*.py"))
WALLS = {"aws": {"models", "triton"}, "models": {"aws"}, "triton": {"aws"}}


def imports(file: Path, source: str) -> Iterator[tuple[str, ...]]:
    """Yield what a file of module_utils imports from there, each as the parts of its path."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split("."))
            if node.level:
                yield (*file.parts[: len(file.parts) - node.level], *module)
            elif module[: len(PACKAGE)] == PACKAGE:
                yield module[len(PACKAGE) :]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_import_goes_through_a_wall(file: Path) -> None:
    forbidden = WALLS.get(file.parts[0], set())
    crossed = [to for to in imports(file, (ROOMS / file).read_text("utf-8")) if to[0] in forbidden]
    assert crossed == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from ...models.config import write", ("models", "config")),
        ("from .common import names", ("aws", "eks", "common")),
        ("from ..core import AwsError", ("aws", "core")),
        (f"from {'.'.join(PACKAGE)}.triton.http import Http", ("triton", "http")),
    ],
)
def test_imports_are_understood(line: str, found: tuple[str, ...]) -> None:
    assert list(imports(Path("aws/eks/cluster.py"), line)) == [found]


def test_no_file_keeps_the_name_of_its_room() -> None:
    def prefixes(file: Path) -> tuple[str, ...]:
        return tuple(f"{room}_" for room in file.parts[:-1])

    assert [file for file in FILES if file.stem.startswith(prefixes(file))] == []
