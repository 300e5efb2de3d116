"""Action: check the variables of the role that a task is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.input_check import (
    check,
    unknown_names,
)

ARGUMENT_SPEC = {
    "rules": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "raw", "required": True},
            "valid": {"required": True},
            "allowed": {"required": True},
            "why": {},
        },
    },
    "results": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Refuse what a role cannot work with, in one message."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        """Check names, types and rules."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        _, arguments = self.validate_argument_spec(ARGUMENT_SPEC)
        role = Path(self._task._role._role_path)
        specs = self._loader.load_from_file(str(role / "meta" / "argument_specs.yml"))
        options = specs["argument_specs"]["main"]["options"]

        def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
            templar = self._templar.copy_with_new_env(available_variables={**variables, **values})
            return templar.evaluate_expression(expression)

        found = unknown_names(role.name, options, arguments["results"], variables)
        found += check(
            options,
            arguments["rules"],
            lambda name: self._templar.template(variables[name]),
            evaluate,
        )
        if found:
            raise AnsibleActionFail("; ".join(found))
        return result | {"changed": False, "checked": sorted(options)}
