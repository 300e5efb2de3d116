"""Every role keeps its promises to its reader: specification, defaults and page agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/main.yml"))


def load(role: str, file: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / role / file).read_text(encoding="utf-8"))


def entry_points(role: str) -> dict[str, Any]:
    specs: dict[str, Any] = load(role, "meta/argument_specs.yml")["argument_specs"]
    return specs


@pytest.mark.parametrize("role", ROLES)
def test_defaults_equal_the_specification(role: str) -> None:
    defaults = load(role, "defaults/main.yml")
    for specification in entry_points(role).values():
        assert {
            name: option.get("default") for name, option in specification["options"].items()
        } == defaults


@pytest.mark.parametrize("role", ROLES)
def test_options_carry_the_role_s_name_and_a_description(role: str) -> None:
    for name, option in entry_points(role)["main"]["options"].items():
        assert name.startswith(f"{role}_")
        assert option["description"]
        assert option["type"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_checks_its_inputs_first_unless_all_were_checked(role: str) -> None:
    checks = "mlops.gpu_platform.check_inputs"
    assert [checks in task for task in load(role, "tasks/preflight.yml")][:1] == [True]
    first = load(role, "tasks/main.yml")[0]
    assert first["ansible.builtin.import_tasks"] == "preflight.yml"
    assert first["when"] == "not (inputs_are_checked | default(false))"


def test_site_checks_the_inputs_of_every_role_once_and_first() -> None:
    [play] = yaml.safe_load((ROOT / "playbooks/preflight.yml").read_text(encoding="utf-8"))
    [task] = play["tasks"]
    assert set(play["vars"]["_checked"]) | {"local_stack"} == set(ROLES)
    assert "'local_stack'" in task["loop"]
    first, *stages = yaml.safe_load((ROOT / "playbooks/site.yml").read_text(encoding="utf-8"))
    assert first["ansible.builtin.import_playbook"] == "preflight.yml"
    assert [stage.get("vars") for stage in stages] == [{"inputs_are_checked": True}] * len(stages)


@pytest.mark.parametrize("role", ROLES)
def test_page_is_the_generated_one(role: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("aar-doc")
    page = tmp_path / "README.md"
    subprocess.run(
        [program, "--output-file", page, ROOT / "roles" / role, "markdown"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert (ROOT / "roles" / role / "README.md").read_text() == page.read_text(), (
        "run `make docs` to generate the roles' pages anew"
    )


def test_every_role_has_a_scenario() -> None:
    scenarios = {path.parent.name for path in ROOT.glob("extensions/molecule/*/molecule.yml")}
    assert scenarios - {"default"} == set(ROLES)
