"""The emulators are a building of their own, which a controller that works on AWS never enters."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.filter.package_folder import package_folder
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT, role_variable
from packaging.requirements import Requirement

BUILDING = ROOT / "emulators"
PACKAGES = sorted(path.parent.name for path in BUILDING.glob("*/py.typed"))
NAMED = re.compile(rf"\b(?:{'|'.join(PACKAGES)})\b")
WORKS_ON_AWS = [
    path
    for folder in ("plugins", "playbooks", "charts", "models", "model_repo", "roles")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in (".py", ".yml", ".yaml", ".j2", ".tpl")
    if "local_stack" not in path.parts
]


def test_nothing_that_works_on_aws_names_them() -> None:
    naming = [path for path in WORKS_ON_AWS if NAMED.search(path.read_text(encoding="utf-8"))]
    assert len(WORKS_ON_AWS) > 200
    assert naming == []


def test_the_role_of_the_local_stack_is_yaml_and_knows_every_package() -> None:
    role = ROOT / "roles" / "local_stack"
    # Beside what Python compiled while programs still lay there.
    kinds = {path.suffix for path in role.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert kinds == {".yml", ".md"}
    assert sorted(role_variable("local_stack", "_local_stack_packages")) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_set_up_installs_them_as_they_lie_in_the_checkout(package: str) -> None:
    assert package_folder(package) == str(BUILDING / package)


def test_the_lock_file_has_what_they_require() -> None:
    for requirement in map(Requirement, requires("gpu-platform-emulators") or []):
        assert requirement.specifier.contains(version(requirement.name)), requirement


def test_nothing_patches_a_path_to_them() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    paths = [settings["mypy"]["mypy_path"], *settings["pytest"]["ini_options"]["pythonpath"]]
    assert [path for path in paths if "emulators" in path] == []
    tasks = [path.read_text("utf-8") for path in (ROOT / "roles/local_stack").rglob("*.yml")]
    assert [text for text in tasks if "PYTHONPATH" in text] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_keeps_the_name_of_its_room(package: str) -> None:
    def prefixes(file: Path) -> tuple[str, ...]:
        return tuple(f"{room}_" for room in file.parts[:-1])

    files = [path.relative_to(BUILDING) for path in (BUILDING / package).rglob("*.py")]
    assert [file for file in files if file.stem.startswith(prefixes(file))] == []
