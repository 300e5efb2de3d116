"""Variables of roles and inventories as Ansible would template them, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parent.parent


def role_variable(role: str, name: str, **given: Any) -> Any:
    """Return a variable of a role, with its defaults and what is given instead of them."""
    folder = ROOT / "roles" / role
    files = [folder / "defaults" / "main.yml", *sorted((folder / "vars").glob("**/*.yml"))]
    return templated(files, name, given)


def inventory_variable(inventory: str, role: str, name: str) -> Any:
    """Return a variable of a role as an inventory for AWS sets it."""
    files = [
        ROOT / "roles" / role / "defaults" / "main.yml",
        ROOT / "playbooks" / "group_vars" / "all.yml",
        ROOT / "inventories" / inventory / "group_vars" / f"{inventory}.yml",
    ]
    return templated(files, name, {})


def templated(files: list[Path], name: str, given: dict[str, Any]) -> Any:
    """Return a variable out of files, of which later ones win."""
    loader = DataLoader()
    variables: dict[str, Any] = {}
    for file in files:
        variables |= loader.load_from_file(str(file), trusted_as_template=True)
    templar = Templar(loader=loader, variables=variables | given)
    return templar.template(variables[name])


def specification(role: str) -> dict[str, Any]:
    """Return a role's argument specification of its main entry point."""
    path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    specs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    main: dict[str, Any] = specs["main"]
    return main


def markdown_table(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table."""
    lines: list[tuple[object, ...]] = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"
