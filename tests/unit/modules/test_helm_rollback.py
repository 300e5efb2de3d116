"""The module helm_rollback, as Ansible calls it, over a helm that knows one release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.modules import helm_rollback

RELEASE = {"type": "HelmRelease", "name": "triton/triton"}
HELM = """#!/bin/sh
echo "$@" >> "{calls}"
case "$1" in
  history) cat "{history}" ;;
  rollback) echo rolled back ;;
  *) echo "unknown command: $1" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs the module; it returns the result and helm's commands."""
    history, calls = tmp_path / "history.json", tmp_path / "calls"
    program = tmp_path / "helm"
    program.write_text(HELM.format(history=history, calls=calls))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def call(*statuses: str, check_mode: bool = False) -> tuple[dict[str, Any], list[str]]:
        revisions = [{"revision": n, "status": status} for n, status in enumerate(statuses, 1)]
        history.write_text(json.dumps(revisions))
        arguments = {"name": "triton", "namespace": "triton", "_ansible_check_mode": check_mode}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            helm_rollback.main()
        return json.loads(capsys.readouterr().out), calls.read_text().splitlines()

    return call


def test_deployed_release_is_left_alone(run: Any) -> None:
    result, calls = run("superseded", "deployed")
    assert (result["changed"], result["changes"]) == (False, [])
    assert (result["status"], result["revision"]) == ("deployed", None)
    assert [call.split()[0] for call in calls] == ["history"]


def test_interrupted_upgrade_is_rolled_back(run: Any) -> None:
    result, calls = run("deployed", "pending-upgrade")
    assert result["changed"]
    assert (result["status"], result["revision"]) == ("pending-upgrade", 1)
    assert result["changes"] == [{**RELEASE, "action": "update", "fields": ["revision"]}]
    assert result["diff"] == {
        "before": "triton: pending-upgrade\n",
        "after": "triton: back at revision 1\n",
    }
    assert calls[1:] == ["rollback triton 1 --timeout=300s --namespace=triton"]


def test_check_mode_only_tells(run: Any) -> None:
    result, calls = run("deployed", "failed", check_mode=True)
    assert result["changed"]
    assert len(calls) == 1


def test_release_that_never_was_deployed_is_uninstalled(run: Any) -> None:
    result, _ = run("failed", check_mode=True)
    assert result["changes"] == [{**RELEASE, "action": "delete"}]


def test_failure_is_helm_s_own_sentence(run: Any) -> None:
    result, _ = run("failed")
    assert result["failed"]
    assert result["msg"] == "Release triton cannot be rolled back: unknown command: uninstall"
