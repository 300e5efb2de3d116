"""Action: what a playbook would change, found by running it in check mode."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Any

import ansible_runner
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.mlops.gpu_platform.plugins.module_utils.cost import prices_in
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.plan_table import Line, plan_lines
from ansible_collections.mlops.gpu_platform.plugins.plugin_utils.playbook_plan import (
    failures_of,
    plan_of,
    refusal,
)

ARGUMENT_SPEC = {
    "playbook": {"type": "path", "required": True},
    "prices": {"type": "dict", "required": True},
    "region": {"required": True},
    "estimate": {"type": "dict", "required": True},
    "format": {"choices": ["table", "json"], "default": "table"},
    "dest": {"type": "path"},
}
# Where this run is ansible-runner's too, the other must not print by the runner's own callback.
CHILD_ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "0",
    # Modules of other collections are known by their arguments.
    "ANSIBLE_INJECT_INVOCATION": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_STDOUT_CALLBACK": "default",
}
# Options of ansible-playbook that say on what a playbook runs, and with which values.
PASSED_ON = {
    "inventory": "--inventory",
    "extra_vars": "--extra-vars",
    "tags": "--tags",
    "skip_tags": "--skip-tags",
    "vault_ids": "--vault-id",
    "vault_password_files": "--vault-password-file",
}


def command_line(options: Any) -> list[str]:
    """Return the options of this run of ansible-playbook, as options for another."""
    arguments = [
        f"{option}={value}" for name, option in PASSED_ON.items() for value in options[name] or ()
    ]
    if options["subset"]:
        arguments.append(f"--limit={options['subset']}")
    return arguments


class ActionModule(ActionBase):
    """Run a playbook in check mode and report what it would change."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        """Plan, show the plan, and return it."""
        result = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(ARGUMENT_SPEC)
        status, events, output = self.dry_run(options["playbook"])
        if status == "successful":
            prices = prices_in(options["prices"], options["region"])
            plan = plan_of(events, prices, options["estimate"])
        else:
            plan = refusal(failures_of(events) or [output.strip()])
        self.show(plan, options["format"], options["dest"])
        if plan["errors"]:
            raise AnsibleActionFail(
                "There is no plan, for this would fail: " + "; ".join(plan["errors"])
            )
        return result | {"changed": False, "plan": plan}

    def dry_run(self, playbook: str) -> tuple[str, list[dict[str, Any]], str]:
        """Run the playbook in check mode as this one runs; return its status, events and output."""
        scratch = tempfile.mkdtemp(prefix="playbook_plan-")
        try:
            run = ansible_runner.run(
                private_data_dir=scratch,
                project_dir=str(Path.cwd()),
                playbook=playbook,
                cmdline=shlex.join(["--check", "--diff", *command_line(context.CLIARGS)]),
                envvars=CHILD_ENVIRONMENT,
                quiet=True,
            )
            events = [event for event in run.events if "event_data" in event]
            return run.status, events, run.stdout.read()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def show(self, plan: dict[str, Any], format_: str, dest: str | None) -> None:
        """Print the plan, or write it to a file."""
        if format_ == "json":
            lines = [Line(json.dumps(plan, indent=2))]
        else:
            lines = [] if plan["errors"] else plan_lines(plan)
        if dest:
            text = "".join(f"{text}\n" for text, _ in lines)
            Path(dest).write_text(text, encoding="utf-8")
            return
        for text, colour in lines:
            self._display.display(text, color=colour)
