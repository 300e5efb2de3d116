"""Prometheus' own tool reads the alert rules and plays time series against them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY, Run

RULES = sorted(REPOSITORY.glob("roles/monitoring/files/rules/*.yml"))


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_rules_have_no_lint(run: Run, rules: Path) -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", rules)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_alerts_fire_when_they_should(run: Run, rules: Path) -> None:
    run("promtool", "test", "rules", Path(__file__).with_name(f"{rules.stem}_rules.test.yml"))


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_every_alert_is_tested_firing(rules: Path) -> None:
    tests = Path(__file__).with_name(f"{rules.stem}_rules.test.yml").read_text()
    firing = {
        case["alertname"]
        for test in yaml.safe_load(tests)["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    groups = yaml.safe_load(rules.read_text())["groups"]
    assert firing == {rule["alert"] for group in groups for rule in group["rules"]}
