"""One local stack for all integration tests, which run in the order of their files.

It lies beside the user's stack, in a folder and on ports of its own; see ``playbook_run``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playbook_run import STATE, PlaybookRun, run_playbook


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
