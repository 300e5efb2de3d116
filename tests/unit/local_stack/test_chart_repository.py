"""The local chart repository: the same charts give the same bytes, and helm can read them."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import chart_repository
import pytest
import yaml


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    chart = tmp_path / "charts" / "folder"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: example\nversion: 1.2.3\n")
    (chart / "templates" / "a.yaml").write_text("kind: A\n")
    return chart.parent


def test_repository(charts: Path, tmp_path: Path) -> None:
    files = chart_repository.repository(charts)
    assert set(files) == {"example-1.2.3.tgz", "index.yaml"}
    (entry,) = yaml.safe_load(files["index.yaml"])["entries"]["example"]
    assert entry["urls"] == ["example-1.2.3.tgz"]
    assert entry["digest"] == hashlib.sha256(files["example-1.2.3.tgz"]).hexdigest()
    archive = tmp_path / "chart.tgz"
    archive.write_bytes(files["example-1.2.3.tgz"])
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["example/Chart.yaml", "example/templates/a.yaml"]


def test_bytes_depend_on_content_only(charts: Path) -> None:
    before = chart_repository.repository(charts)
    template = charts / "folder" / "templates" / "a.yaml"
    os.utime(template, (0, 0))
    template.chmod(0o600)
    assert chart_repository.repository(charts) == before
    template.write_text("kind: B\n")
    assert chart_repository.repository(charts) != before


def test_second_run_writes_nothing(
    charts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "repository"
    arguments = ["chart_repository.py", f"--charts={charts}", f"--repository={target}"]
    monkeypatch.setattr("sys.argv", arguments)
    chart_repository.main()
    assert capsys.readouterr().out == "example-1.2.3.tgz\nindex.yaml\n"
    written = (target / "index.yaml").stat().st_mtime_ns
    chart_repository.main()
    assert capsys.readouterr().out == ""
    assert (target / "index.yaml").stat().st_mtime_ns == written
