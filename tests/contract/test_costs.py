"""The page on costs says what the inventories for AWS cost by the table of prices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.playbook_run import run_playbook

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")


def estimate(inventory: str) -> list[str]:
    """Return the lines of the estimate that `playbooks/cost.yml` prints for an inventory."""
    run = run_playbook(
        "playbooks/cost.yml",
        inventory=ROOT / "inventories" / inventory,
        platform_account_id="123456789012",
    )
    printed: str = run.result("Print the cost estimate")["msg"]
    return printed.split("\n")


def sums(lines: list[str]) -> dict[str, list[float]]:
    """Return the sums of an estimate by state."""
    below = lines[lines.index("") + 2 :]
    rows = (re.split(r"  +", line) for line in below[: below.index("")])
    return {state: [float(amount) for amount in amounts if amount] for state, *amounts in rows}


@pytest.fixture(scope="module")
def dev() -> list[str]:
    return estimate("dev")


def test_page_has_the_estimate_of_a_development_platform(dev: list[str]) -> None:
    assert "\n".join(dev) in PAGE


def test_page_states_what_a_sleeping_development_platform_costs(dev: list[str]) -> None:
    states = sums(dev)
    asleep, deep = states["asleep (no node)"], states["deep asleep"]
    sentences = " ".join(PAGE.split())
    assert f"asleep costs {asleep[0]:.4f} USD an hour, {asleep[1]:.2f} USD a month" in sentences
    assert (
        f"Deeply asleep it costs {deep[0]:.4f} USD an hour, {deep[1]:.2f} USD a month" in sentences
    )


@pytest.mark.parametrize(("inventory", "state"), [("dev", "as scheduled"), ("prod", "awake")])
def test_budget_allows_what_is_meant_to_run(inventory: str, state: str) -> None:
    file = ROOT / "inventories" / inventory / "group_vars" / f"{inventory}.yml"
    limit = yaml.safe_load(file.read_text(encoding="utf-8"))["cost_control_budget_limit"]
    assert sums(estimate(inventory))[state][-1] < limit
