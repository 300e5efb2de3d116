"""One local stack for all integration tests, which run in the order of their files.

It lies beside the user's stack, in a folder and on ports of its own; see ``playbook_run``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.local_platform import AWS_URL, nothing_changes
from support.playbook_run import (
    DEAD_PROXY,
    ENVIRONMENT,
    EVERYTHING,
    HOME,
    STATE,
    VARIABLES,
    PlaybookRun,
    run_plan,
    run_playbook,
)

VARIABLES |= EVERYTHING
# Nothing on loopback is asked through a proxy, and nothing else is asked at all.
ENVIRONMENT |= DEAD_PROXY


@pytest.fixture(scope="session")
def stack() -> Iterator[None]:
    """Begin without any process and file of an earlier session, and leave no process behind."""
    if STATE.exists():
        assert run_playbook("playbooks/local_down.yml").return_code == 0
        shutil.rmtree(STATE)
    shutil.rmtree(HOME, ignore_errors=True)
    yield
    assert run_playbook("playbooks/local_down.yml").return_code == 0


@pytest.fixture(scope="session")
def empty_plan(stack: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Plan on an empty account, where, as at AWS, there is no cluster to ask yet."""
    assert run_playbook("playbooks/local_up.yml").return_code == 0
    environment = {
        "AWS_ENDPOINT_URL": AWS_URL,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "KUBECONFIG": str(STATE / "no" / "kubeconfig"),
        "K8S_AUTH_KUBECONFIG": str(STATE / "no" / "kubeconfig"),
        "PATH": f"{STATE}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
    }
    with nothing_changes():
        run, planned = run_plan(tmp_path_factory.mktemp("plan"), platform_environment=environment)
    assert run.return_code == 2, run.output
    return planned


@pytest.fixture(scope="session")
def first_run(empty_plan: dict[str, Any]) -> PlaybookRun:
    """Run site.yml to its end for the first time."""
    return run_playbook("site.yml")


@pytest.fixture(scope="session")
def platform(first_run: PlaybookRun) -> None:
    """Have the platform running."""
    assert first_run.return_code == 0, first_run.output
