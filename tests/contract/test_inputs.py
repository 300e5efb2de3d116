"""What roles refuse, and what they take: the rules of every preflight."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT, specification

ROLES = sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/main.yml"))
REFUSALS = yaml.safe_load(Path(__file__).with_name("refusals.yml").read_text(encoding="utf-8"))
ROWS = [(role, row) for role, rows in REFUSALS.items() for row in rows]
TEXTS = {"list": "one, two", "dict": "a=b", "int": "many", "float": "many"}
"""Text for a variable of another type."""
WRONG = [
    (role, {name: TEXTS[option["type"]]})
    for role in ROLES
    for name, option in specification(role)["options"].items()
    if option["type"] in TEXTS
]
TAINT = {"key": "gpu", "value": "", "effect": "NoSchedule"}
LEGAL: list[tuple[str, dict[str, Any]]] = [
    *((role, {}) for role in ROLES),
    ("gpu_node_group", {"gpu_node_group_taints": [{"key": "gpu", "effect": "NoSchedule"}]}),
    ("gpu_node_group", {"gpu_node_group_taints": [TAINT, TAINT | {"effect": "NoExecute"}]}),
    ("gpu_node_group", {"gpu_node_group_min_size": "1", "gpu_node_group_max_size": "3"}),
    ("eks_cluster", {"eks_cluster_ebs_csi": "yes"}),
]
CASES = [*LEGAL, *((role, row["given"]) for role, row in ROWS), *WRONG]


@pytest.fixture(scope="module")
def answers() -> list[list[str]]:
    """Return what the roles say of each case, asked all at once."""
    asked = subprocess.run(
        [sys.executable, "-m", "support.preflight_rules"],
        cwd=ROOT / "tests",
        # Where there is no program aws.
        env={"PATH": "/nowhere", "HOME": "/nowhere", "LC_ALL": "C.UTF-8"},
        input=json.dumps(CASES),
        capture_output=True,
        check=True,
        text=True,
    )
    found: list[list[str]] = json.loads(asked.stdout)
    return found


@pytest.mark.parametrize(("role", "given"), LEGAL, ids=str)
def test_what_is_legal_is_taken(role: str, given: dict[str, Any], answers: list[list[str]]) -> None:
    assert answers[CASES.index((role, given))] == []


@pytest.mark.parametrize(("role", "row"), ROWS, ids=lambda part: str(part)[:60])
def test_a_refusal_names_the_variable_what_was_given_and_what_is_allowed(
    role: str, row: dict[str, Any], answers: list[list[str]]
) -> None:
    message = "; ".join(answers[CASES.index((role, row["given"]))])
    assert message.startswith(row.get("names", next(iter(row["given"]))))
    assert row["says"] in message
    assert row.get("hides", "\0") not in message


@pytest.mark.parametrize(("role", "given"), WRONG, ids=str)
def test_text_is_neither_a_list_nor_a_number(
    role: str, given: dict[str, str], answers: list[list[str]]
) -> None:
    [(name, text)] = given.items()
    [message] = answers[CASES.index((role, given))]
    assert message.startswith(f'{name} is "{text}", but must be a')


def test_the_refusals_of_every_role_are_tested() -> None:
    assert set(REFUSALS) == set(ROLES)
