"""One local stack for all integration tests, which run in the order of their files.

It lies beside the user's stack, in a folder and on ports of its own; see ``playbook_run``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playbook_run import STATE, VARIABLES, PlaybookRun, run_playbook

# What an inventory may leave out: the operator's policies have to do for all of it.
VARIABLES |= {
    "aws_identity_operator_principals": ["arn:aws:iam::123456789012:root"],
    "aws_identity_github_repository": "owner/name",
    "aws_identity_load_balancer_controller": True,
    "aws_identity_ebs_csi": True,
    "eks_cluster_ebs_csi": True,
    "aws_network_flow_logs": True,
    "aws_network_flow_logs_role": "mlops-flow-logs",
}


@pytest.fixture(scope="session")
def stack() -> Iterator[None]:
    """Begin without any process and file of an earlier session, and leave no process behind."""
    if STATE.exists():
        assert run_playbook("playbooks/local_down.yml").return_code == 0
        shutil.rmtree(STATE)
    yield
    assert run_playbook("playbooks/local_down.yml").return_code == 0


@pytest.fixture(scope="session")
def first_run(stack: None) -> PlaybookRun:
    """Run site.yml to its end for the first time."""
    return run_playbook("site.yml")


@pytest.fixture(scope="session")
def platform(first_run: PlaybookRun) -> None:
    """Have the platform running."""
    assert first_run.return_code == 0, first_run.output
