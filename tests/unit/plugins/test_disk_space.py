"""How much a folder takes and its disk has free."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.disk_space import disk_space


def test_a_folder_takes_what_its_files_take(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"x" * 1024 * 1024)
    (tmp_path / "link").symlink_to(tmp_path / "sub" / "file")
    (tmp_path / "to nowhere").symlink_to("nowhere")
    assert 1024 * 1024 <= disk_space(str(tmp_path))["used"] < 1024 * 1024 + 10_000


def test_a_folder_to_be_made_is_on_the_disk_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert disk_space("~/to/be/made")["used"] == 0
    free = shutil.disk_usage(tmp_path).free
    assert disk_space("~/to/be/made")["free"] == pytest.approx(free, rel=0.1)
