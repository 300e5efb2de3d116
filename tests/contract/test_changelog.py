"""antsibull-changelog accepts the fragments, and generates the changelog that is committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("antsibull-changelog")
CHANGELOG = ROOT / "CHANGELOG.md"


def antsibull_changelog(*arguments: str | Path, folder: Path = ROOT) -> tuple[int, str]:
    """Run antsibull-changelog; return its exit status and what it printed."""
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_fragments_are_well_formed() -> None:
    assert antsibull_changelog("lint") == (0, "")


def test_a_fragment_with_an_unknown_section_is_refused(tmp_path: Path) -> None:
    """The control: were this to pass no more, the test above would prove nothing."""
    fragment = tmp_path / "changelogs" / "fragments" / "wrong.yml"
    fragment.parent.mkdir(parents=True)
    fragment.write_text("news:\n  - Something.\n", encoding="utf-8")
    config = ROOT / "changelogs" / "config.yaml"
    (tmp_path / "changelogs" / "config.yaml").write_bytes(config.read_bytes())
    (tmp_path / "galaxy.yml").write_bytes((ROOT / "galaxy.yml").read_bytes())
    code, printed = antsibull_changelog("lint", folder=tmp_path)
    assert code != 0
    assert "invalid section: news" in printed


def test_releases_are_well_formed() -> None:
    file = ROOT / "changelogs" / "changelog.yaml"
    assert antsibull_changelog("lint-changelog-yaml", "--strict", file) == (0, "")


def test_changelog_is_the_generated_one(tmp_path: Path) -> None:
    """antsibull-changelog generates none before the first release."""
    record = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))
    assert CHANGELOG.exists() == bool(record["releases"])
    if record["releases"]:
        generated = tmp_path / "CHANGELOG.md"
        assert antsibull_changelog("generate", "--output", generated)[0] == 0
        assert CHANGELOG.read_text(encoding="utf-8") == generated.read_text(encoding="utf-8")
