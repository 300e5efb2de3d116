"""Galaxy's importer accepts the built tarball without a warning, and finds all its pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
(GOLDEN,) = ROOT.glob("plugins/module_utils/**/golden.py")


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tarball")
    program = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run(
        [program, "collection", "build", "--output-path", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def imported(tarball: Path) -> tuple[str, dict[str, Any]]:
    """Import the tarball as Galaxy does; return what was printed, and the result."""
    done = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", tarball],
        cwd=tarball.parent,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            # A check of its own, on the checkout; here it would only warn, and give up after 180 s.
            "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tarball.parent / "importer_result.json").read_text(encoding="utf-8"))
    return done.stdout + done.stderr, result


def test_importer_neither_refuses_nor_warns(imported: tuple[str, dict[str, Any]]) -> None:
    printed, _ = imported
    assert "Importer processing completed successfully" in printed
    assert [line for line in printed.splitlines() if line.startswith(("WARNING", "ERROR"))] == []


def test_every_module_and_role_has_a_page(imported: tuple[str, dict[str, Any]]) -> None:
    _, result = imported
    pages = {
        (page["content_type"], page["content_name"])
        for page in result["docs_blob"]["contents"]
        if page["readme_html"] or (page["doc_strings"] or {}).get("doc")
    }
    modules = {("module", path.stem) for path in ROOT.glob("plugins/modules/*.py")}
    roles = {("role", path.name) for path in ROOT.glob("roles/*")}
    assert modules | roles <= pages


def test_every_role_has_a_description(imported: tuple[str, dict[str, Any]]) -> None:
    _, result = imported
    roles = [content for content in result["contents"] if content["content_type"] == "role"]
    assert {role["name"] for role in roles if role["description"]} == {
        path.name for path in ROOT.glob("roles/*")
    }


def test_the_chart_s_comparison_is_the_modules(tarball: Path) -> None:
    """A link is shipped as a link: both run the same lines."""
    with tarfile.open(tarball) as archive:
        member = archive.getmember(str(GOLDEN.relative_to(ROOT)))
        assert member.issym()
        linked = archive.extractfile(member)
        chart = archive.extractfile("charts/triton/files/golden.py")
        assert linked is not None
        assert chart is not None
        assert linked.read() == chart.read()
