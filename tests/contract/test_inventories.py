"""Every variable that an inventory or the playbooks set belongs to some role."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.filter.unknown_variables import (
    specified_variables,
)

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    [*ROOT.glob("inventories/*/group_vars/**/*.yml"), *ROOT.glob("playbooks/group_vars/*.yml")]
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_variables_are_in_a_specification(file: Path) -> None:
    known = set().union(*specified_variables(str(ROOT / "roles")).values())
    assert set(yaml.safe_load(file.read_text(encoding="utf-8"))) <= known


def test_all_inventories_are_read() -> None:
    assert {file.relative_to(ROOT).parts[1] for file in FILES} >= {"local", "dev", "prod"}
