"""Ask the roles' preflights what they say of variables, without running a playbook.

Usage: ``python -m support.preflight_rules < CASES``, where the cases are a JSON list of a role and
the variables that it is given. Prints a list of what the role says of each.

A program of its own: Ansible finds the plugins of collections only where it was there before their
first import.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parents[2]
init_plugin_loader([str(ROOT / "collections")])
CHECK = import_module(
    "ansible_collections.mlops.gpu_platform.plugins.plugin_utils.input_check"
).check
LOADER = DataLoader()
# A role alone has neither an account nor an inventory.
VARIABLES = {
    "ansible_check_mode": False,
    "ansible_playbook_python": "/python",
    "inventory_dir": "/inventory",
    "aws_identity_account_id": "123456789012",
    "platform_account_id": "123456789012",
}


def load(path: Path) -> Any:
    """Return the content of a YAML file, whose templates are the collection's own."""
    return LOADER.load_from_file(str(path), trusted_as_template=True)


@cache
def variables_of(role: str) -> dict[str, Any]:
    """Return the defaults and the variables of a role."""
    folder = ROOT / "roles" / role
    variables = {"role_path": str(folder)}
    for file in (folder / "defaults" / "main.yml", *sorted((folder / "vars").glob("**/*.yml"))):
        variables |= load(file)
    return variables | VARIABLES


def refusals(role: str, given: Mapping[str, Any]) -> list[str]:
    """Return what a role says of its defaults, and of what is given instead of them."""
    folder, variables = ROOT / "roles" / role, {**variables_of(role), **given}
    options = load(folder / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    arguments = load(folder / "tasks" / "preflight.yml")[0]["mlops.gpu_platform.check_inputs"]
    templar = Templar(loader=LOADER, variables=variables)

    def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
        inner = Templar(loader=LOADER, variables={**variables, **values})
        return inner.evaluate_expression(expression)

    rules = templar.template(arguments["rules"])
    found: list[str] = CHECK(
        options, rules, lambda name: templar.template(variables[name]), evaluate
    )
    return found


if __name__ == "__main__":
    json.dump([refusals(role, given) for role, given in json.load(sys.stdin)], sys.stdout)
