"""The filter that finds mistyped variables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.filter.unknown_variables import (
    unknown_variables,
)


@pytest.fixture
def roles(tmp_path: Path) -> str:
    meta = tmp_path / "aws_network" / "meta"
    meta.mkdir(parents=True)
    specs = {"argument_specs": {"main": {"options": {"aws_network_cidr": {"type": "str"}}}}}
    (meta / "argument_specs.yml").write_text(yaml.safe_dump(specs))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("aws_network_cidr", []),
        ("ansible_host", []),
        ("my_own_variable", []),
        (
            "aws_network_cird",
            ["aws_network_cird is not a variable of any role: did you mean aws_network_cidr?"],
        ),
        (
            "aws_netwrk_cidr",
            ["aws_netwrk_cidr is not a variable of any role: did you mean aws_network_cidr?"],
        ),
        ("aws_network_zones", ["aws_network_zones is not a variable of any role"]),
    ],
)
def test_only_a_slip_is_reported(name: str, sentences: list[str], roles: str) -> None:
    assert unknown_variables([name], roles) == sentences
