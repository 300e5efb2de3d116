"""Every module's documentation, argument specification and examples agree."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.py"))
# An action runs on the controller; the module of its name only documents it.
ACTIONS = {path.stem for path in ROOT.glob("plugins/action/*.py")}
COLLECTION = "mlops.gpu_platform"
# What a documented option says beside what the argument specification says.
COMPARED = ("type", "elements", "choices", "default", "required")


class Captured(BaseException):
    """Carries a module's arguments out of its `main`."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options


def module_options(name: str) -> dict[str, Any]:
    """Return the keyword arguments with which a module builds its AnsibleModule."""
    if name in ACTIONS:
        action = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{name}")
        return {"argument_spec": action.ARGUMENT_SPEC}
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")

    def capture(_self: AnsibleModule, argument_spec: dict[str, Any], **options: Any) -> NoReturn:
        raise Captured({"argument_spec": argument_spec, **options})

    with patch.object(AnsibleModule, "__init__", capture), pytest.raises(Captured) as caught:
        module.main()
    return caught.value.options


@pytest.fixture(scope="session")
def documentation() -> dict[str, Any]:
    """Return ansible-doc's JSON for every module of the collection, fragments merged in."""
    program = Path(sys.executable).with_name("ansible-doc")
    done = subprocess.run(
        [program, "--json", "-t", "module", *(f"{COLLECTION}.{name}" for name in MODULES)],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        check=True,
        capture_output=True,
        text=True,
    )
    pages: dict[str, Any] = json.loads(done.stdout)
    return pages


def simplified(option: dict[str, Any]) -> dict[str, Any]:
    """Keep what documentation and specification both state, with the same defaults."""
    kept = {key: option[key] for key in COMPARED if option.get(key) is not None}
    if kept.get("required") is False:
        del kept["required"]
    kept.setdefault("type", "str")
    if "choices" in kept:
        kept["choices"] = list(kept["choices"])
    nested = option.get("suboptions") or option.get("options")
    if nested:
        kept["options"] = {name: simplified(value) for name, value in nested.items()}
    return kept


@pytest.mark.parametrize("name", MODULES)
def test_documentation_equals_the_specification(name: str, documentation: dict[str, Any]) -> None:
    documented = documentation[f"{COLLECTION}.{name}"]["doc"]["options"]
    specified = module_options(name)["argument_spec"]
    assert {key: simplified(value) for key, value in documented.items()} == {
        key: simplified(value) for key, value in specified.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_a_scenario_runs_it(name: str) -> None:
    # Each role has a scenario of its own.
    plays = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("extensions/molecule/*/*.yml")]
    assert [path for path in plays if f" {COLLECTION}.{name}:" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", MODULES)
def test_page_is_complete(name: str, documentation: dict[str, Any]) -> None:
    page = documentation[f"{COLLECTION}.{name}"]
    assert {"check_mode", "diff_mode", "idempotent"} <= set(page["doc"]["attributes"])
    assert page["return"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_fit_the_specification(name: str, documentation: dict[str, Any]) -> None:
    options = module_options(name)
    validator = ArgumentSpecValidator(
        options["argument_spec"],
        mutually_exclusive=options.get("mutually_exclusive"),
        required_if=options.get("required_if"),
        required_one_of=options.get("required_one_of"),
        required_together=options.get("required_together"),
    )
    tasks = yaml.safe_load(documentation[f"{COLLECTION}.{name}"]["examples"])
    arguments = [task[f"{COLLECTION}.{name}"] for task in tasks if f"{COLLECTION}.{name}" in task]
    assert arguments
    for given in arguments:
        assert validator.validate(given).error_messages == []
