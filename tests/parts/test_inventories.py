"""Every variable that an inventory or the playbooks set belongs to some role."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.plugins.filter.unknown_variables import (
    specified_variables,
)
from ansible_collections.mlops.gpu_platform.tools.role_variables import role_variable, templated

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    [*ROOT.glob("inventories/*/group_vars/**/*.yml"), *ROOT.glob("playbooks/group_vars/*.yml")]
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_variables_are_in_a_specification(file: Path) -> None:
    known = set().union(*specified_variables(str(ROOT / "roles")).values())
    assert set(yaml.safe_load(file.read_text(encoding="utf-8"))) <= known


def test_all_inventories_are_read() -> None:
    assert {file.relative_to(ROOT).parts[1] for file in FILES} >= {"local", "dev", "prod"}


@pytest.mark.parametrize(
    ("autoscaler", "state"),
    [("cluster_autoscaler", "present"), ("karpenter", "absent"), ("none", "absent")],
)
def test_the_autoscaler_is_there_where_its_pod_has_a_role(autoscaler: str, state: str) -> None:
    files, given = [ROOT / "playbooks/group_vars/all.yml"], {"aws_identity_autoscaler": autoscaler}
    assert templated(files, "cluster_autoscaler_state", given) == state
    values = role_variable("cluster_autoscaler", "_cluster_autoscaler_values")
    pod = {"namespace": "kube-system", "service_account": values["rbac"]["serviceAccount"]["name"]}
    identities = templated(files, "eks_cluster_pod_identities", given)
    assert any(pod.items() <= each.items() for each in identities) == (state == "present")


def preflight(inventory: str, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [program, "playbooks/preflight.yml", f"--inventory=inventories/{inventory}", *arguments],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "PATH": f"{path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("inventory", ["dev", "prod"])
def test_an_inventory_for_aws_wants_only_an_account_and_the_program_aws(
    inventory: str, tmp_path: Path
) -> None:
    account = ("--extra-vars", '{"platform_account_id": "210987654321"}')
    refused = preflight(inventory, tmp_path)
    assert refused.returncode == 2
    assert 'platform_account_id is "", but must be the twelve digits' in refused.stdout
    if not shutil.which("aws", path="/usr/bin:/bin"):
        refused = preflight(inventory, tmp_path, *account)
        assert "the program aws must be in PATH" in " ".join(refused.stdout.split())
    (tmp_path / "aws").touch(mode=0o755)
    accepted = preflight(inventory, tmp_path, *account)
    assert accepted.returncode == 0, accepted.stdout
