"""helm and kubectl: whether those of a folder are the package's."""

from __future__ import annotations

import shutil
from pathlib import Path

import unpack_kubernetes_clients


def test_programs_are_compared_with_the_package(kubernetes_clients: Path, tmp_path: Path) -> None:
    assert unpack_kubernetes_clients.others(kubernetes_clients) == []
    shutil.copy(kubernetes_clients / "helm", tmp_path)
    assert unpack_kubernetes_clients.others(tmp_path) == ["kubectl"]
    (tmp_path / "helm").write_text("another", encoding="utf-8")
    assert unpack_kubernetes_clients.others(tmp_path) == ["helm", "kubectl"]
