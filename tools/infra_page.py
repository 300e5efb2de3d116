"""The page docs/infra-readme.md: the infrastructure in its order, made from playbook and specs."""

from __future__ import annotations

import ast
import json
import re
import textwrap

import yaml
from ansible_collections.mlops.gpu_platform.tools.role_variables import (
    ROOT,
    inventory_variable,
    markdown_table,
    specification,
)

INTRODUCTION = """\
# The infrastructure at AWS

This page is generated from `playbooks/infrastructure.yml`, the specifications of its roles, the
inventories and the modules: `make docs`. There is no Terraform and no state file: what is there is
asked of AWS each time, by names and by the tag `Platform`.

| to | run, with `-i inventories/dev` |
| --- | --- |
| see what would change and what it costs | `ansible-playbook playbooks/plan.yml` |
| create or change it | `ansible-playbook playbooks/infrastructure.yml` |
| estimate what it costs | `ansible-playbook playbooks/cost.yml` |
| stop all nodes, start them again | `ansible-playbook playbooks/sleep.yml`, `wake.yml` |
| keep only images, roles and budget | `ansible-playbook playbooks/sleep.yml -e sleep_mode=deep` |
| see what a deletion would delete and save | `ansible-playbook playbooks/destroy.yml --check` |
| delete all of it, with a receipt | `ansible-playbook playbooks/destroy.yml` |

A deletion that stops midway ends with a receipt too, and the same command goes on from there. The
operators' role is deleted last, so a session of it is refused.

An inventory for AWS needs `platform_account_id`, and credentials in the environment. Beside this
page: [networks](vpc-setup.md), [IAM roles](iam-roles.md), [costs](cost.md), and what
[the emulated AWS](limits/aws.md) of the local inventory cannot show.
"""
AWS = ("dev", "prod")
# Ansible's marks of code, values and options.
MARKUP = re.compile(r"\b[CVO]\(([^)]*)\)")
# What an operator chooses, by role: these differ between the inventories, or cost money.
CHOICES = {
    "platform": ["platform_name", "platform_region"],
    "aws_network": ["aws_network_availability_zones", "aws_network_nat", "aws_network_flow_logs"],
    "eks_cluster": [
        "eks_cluster_version",
        "eks_cluster_public_access_cidrs",
        "eks_cluster_deletion_protection",
        "eks_cluster_log_retention_days",
        "eks_cluster_system_instance_types",
    ],
    "gpu_node_group": [
        "gpu_node_group_instance_types",
        "gpu_node_group_capacity_type",
        "gpu_node_group_min_size",
        "gpu_node_group_max_size",
    ],
    "cost_control": ["cost_control_stop", "cost_control_start", "cost_control_budget_limit"],
}


def infra_page() -> str:
    """Return the text of the page."""
    return "\n".join([INTRODUCTION, order(), inventories(), modules()])


def infrastructure_roles() -> list[str]:
    """Return the names of the roles of the stage, in order."""
    path = ROOT / "playbooks" / "infrastructure.yml"
    [play] = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = [role["role"] for role in play["roles"]]
    names += [task["ansible.builtin.import_role"]["name"] for task in play["tasks"]]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in names))


def order() -> str:
    """Return a section for each role, in the order of the playbook."""
    sections = ["## Roles, in the order of the playbook\n"]
    for role in infrastructure_roles():
        paragraphs = [MARKUP.sub(r"`\1`", text) for text in specification(role)["description"]]
        sections.append(f"### [{role}](../roles/{role}/README.md)\n")
        sections += [f"{wrapped(text)}\n" for text in paragraphs]
    return "\n".join(sections)


def wrapped(paragraph: str) -> str:
    """Return a paragraph in lines, without breaking a word of code."""
    return textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False)


def inventories() -> str:
    """Return the table of what the inventories choose."""
    rows = [
        (f"`{name}`", *(f"`{json.dumps(inventory_variable(each, role, name))}`" for each in AWS))
        for role, names in CHOICES.items()
        for name in names
    ]
    return "## What the inventories choose\n\n" + markdown_table(("variable", *AWS), list(rows))


def modules() -> str:
    """Return the table of the collection's modules for AWS: those that take its documentation."""
    rows = []
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == (
                "DOCUMENTATION"
            ):
                page = yaml.safe_load(ast.literal_eval(node.value))
                if "amazon.aws.common.modules" in page.get("extends_documentation_fragment", []):
                    rows.append((f"`{page['module']}`", page["short_description"]))
    return "## Modules\n\n" + markdown_table(("module", "what it does"), list(rows))
