"""What brings a Helm release back to its last deployed revision."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.helm_release import (
    HelmError,
    HelmRelease,
    Recovery,
    plan,
)


@pytest.mark.parametrize(
    ("statuses", "recovery"),
    [
        ([], None),
        (["deployed"], None),
        (["superseded", "deployed"], None),
        (["uninstalled"], None),
        (["deployed", "failed"], Recovery(1)),
        (["superseded", "deployed", "pending-upgrade"], Recovery(2)),
        (["superseded", "deployed", "failed", "pending-rollback"], Recovery(2)),
        (["superseded", "failed", "pending-rollback"], Recovery(1)),
        (["failed"], Recovery(None)),
        (["pending-install"], Recovery(None)),
        (["failed", "pending-upgrade"], Recovery(None)),
        (["uninstalling"], Recovery(None)),
    ],
)
def test_plan(statuses: list[str], recovery: Recovery | None) -> None:
    history = [{"revision": n, "status": status} for n, status in enumerate(statuses, start=1)]
    assert plan(history) == recovery


class FakeHelm:
    """Answers helm's commands, each once, and refuses what it does not know."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers = answers
        self.calls: list[list[str]] = []

    def __call__(self, arguments: list[str]) -> tuple[int, str, str]:
        self.calls.append(arguments)
        return self.answers.pop(arguments[0])


def test_history() -> None:
    revisions = [{"revision": 1, "status": "deployed"}]
    helm = FakeHelm(history=(0, json.dumps(revisions), ""))
    assert HelmRelease(helm, "triton", "serving").history() == revisions
    assert helm.calls == [["history", "triton", "--output=json", "--namespace=serving"]]


def test_absent_release_has_no_history() -> None:
    helm = FakeHelm(history=(1, "", "Error: release: not found\n"))
    assert HelmRelease(helm, "triton", "serving").history() == []


def test_unreachable_cluster_is_an_error() -> None:
    helm = FakeHelm(history=(1, "", "Error: Kubernetes cluster unreachable\n"))
    with pytest.raises(HelmError, match="cluster unreachable"):
        HelmRelease(helm, "triton", "serving").history()


@pytest.mark.parametrize(
    ("recovery", "wait", "call"),
    [
        (Recovery(3), True, ["rollback", "triton", "3", "--wait"]),
        (Recovery(3), False, ["rollback", "triton", "3"]),
        (Recovery(None), True, ["uninstall", "triton", "--wait"]),
    ],
)
def test_recover(recovery: Recovery, wait: bool, call: list[str]) -> None:
    helm = FakeHelm(rollback=(0, "", ""), uninstall=(0, "", ""))
    HelmRelease(helm, "triton", "serving").recover(recovery, timeout=9, wait=wait)
    assert helm.calls == [[*call, "--timeout=9s", "--namespace=serving"]]


def test_failed_rollback_is_an_error() -> None:
    helm = FakeHelm(rollback=(1, "", "Error: timed out waiting for the condition\n"))
    with pytest.raises(HelmError, match="timed out"):
        HelmRelease(helm, "triton", "serving").recover(Recovery(1), timeout=9, wait=True)
