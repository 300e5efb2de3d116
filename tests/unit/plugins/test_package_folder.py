"""Where a Python package is, or that it is nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.filter.package_folder import package_folder


def test_an_installed_package_has_its_folder() -> None:
    assert package_folder("yaml") == str(Path(yaml.__file__).parent)


@pytest.mark.parametrize("name", ["no_such_package", "stat"])
def test_what_is_no_installed_package_has_none(name: str) -> None:
    assert package_folder(name) == ""


def test_a_mere_folder_in_the_path_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mere_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert package_folder("mere_folder") == ""
