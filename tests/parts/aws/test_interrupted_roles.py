"""The roles of the infrastructure, interrupted on the way to an account that has all of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.emulated_aws import emulated_aws
from support.local_platform import READING
from support.playbook_run import EVERYTHING, PlaybookRun, run_playbook

INTERRUPTED = 99
"""The exit status of ansible-playbook after Ctrl-C."""
STOP_AFTER_CHANGE = {
    "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callbacks")),
    "ANSIBLE_CALLBACKS_ENABLED": "stop_after_change",
}
ROLES = (
    "aws_identity",
    "aws_network",
    "eks_cluster",
    "gpu_node_group",
    "ecr_repository",
    "cost_control",
)
MOST_CHANGES = 20


class Account:
    """An account at an emulated AWS of its own."""

    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        self.environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def changes(self) -> list[str]:
        """Return the calls so far that changed something, by action."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        actions = (json.loads(line)["action"] for line in lines)
        return [action for action in actions if not READING.match(action)]

    def run(self, role: str) -> PlaybookRun:
        """Run a role, and interrupt it after its first change."""
        return run_playbook(
            "playbooks/infrastructure.yml",
            "--tags",
            role,
            environment={**STOP_AFTER_CHANGE, "STOP_AFTER_CHANGE": role},
            platform_environment=self.environment,
            platform_state_dir=str(self.log.parent),
            **EVERYTHING,
        )


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that begins empty."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("aws") / "requests.jsonl"
    with emulated_aws(port, log) as url:
        yield Account(url, log)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_interrupted_after_each_of_its_changes_gets_to_the_end(
    account: Account, role: str
) -> None:
    for _ in range(MOST_CHANGES):
        made = account.changes()
        run = account.run(role)
        if run.return_code != INTERRUPTED:
            break
        assert len(account.changes()) > len(made)

    assert run.return_code == 0, run.output
    assert run.changed == []
    assert account.changes() == made
