"""Further runs on the running platform: nothing is left to do. (That check mode agrees: test_8.)"""

from __future__ import annotations

import pytest
from support.local_platform import aws_changes, kubernetes_objects
from support.playbook_run import HOME, run_playbook

pytestmark = pytest.mark.usefixtures("platform")


def test_a_second_run_changes_nothing() -> None:
    objects, changes = kubernetes_objects(), aws_changes()

    run = run_playbook("site.yml")

    assert run.return_code == 0, run.output
    assert run.changed == []
    assert {stage.result for stage in run.stages.values()} == {"ok"}
    assert aws_changes() == changes
    assert kubernetes_objects() == objects


def test_runs_leave_in_the_home_folder_only_what_the_clients_keep_there() -> None:
    folders = {path for path in HOME.rglob("*") if len(path.relative_to(HOME).parts) == 2}

    assert {str(path.relative_to(HOME)) for path in folders} <= {
        ".ansible/tmp",
        ".cache/helm",
        ".config/helm",
        ".kube/cache",
    }


def test_one_role_runs_by_its_tag() -> None:
    run = run_playbook("site.yml", "--tags", "triton_release")

    assert run.return_code == 0, run.output
    assert run.changed == []
    assert list(run.stages) == ["Preflight", "Rollout"]
