"""A role's variables as Ansible would template them, without running the role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parent.parent


def role_variable(role: str, name: str, **given: Any) -> Any:
    """Return a variable of a role, with its defaults and what is given instead of them."""
    loader = DataLoader()
    folder = ROOT / "roles" / role
    variables: dict[str, Any] = {}
    for path in (
        folder / "defaults" / "main.yml",
        *sorted((folder / "vars").glob("**/*.yml")),
    ):
        variables |= loader.load_from_file(str(path), trusted_as_template=True)
    templar = Templar(loader=loader, variables=variables | given)
    return templar.template(variables[name])
