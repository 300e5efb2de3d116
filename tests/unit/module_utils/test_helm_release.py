"""What brings a Helm release back to its last deployed revision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.helm_release import (
    Chart,
    ClusterUnreachableError,
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
        self.stdin = ""

    def __call__(self, arguments: list[str], stdin: str) -> tuple[int, str, str]:
        self.calls.append(arguments)
        self.stdin = stdin
        return self.answers.pop(arguments[0])


def release(helm: FakeHelm) -> HelmRelease:
    return HelmRelease(helm, "triton", "serving")


def test_history() -> None:
    revisions = [{"revision": 1, "status": "deployed"}]
    helm = FakeHelm(history=(0, json.dumps(revisions), ""))
    assert release(helm).history() == revisions
    assert helm.calls == [["history", "triton", "--output=json", "--namespace=serving"]]


@pytest.mark.parametrize(
    "answer",
    [
        (1, "", "Error: release: not found\n"),
        (0, json.dumps([{"revision": 1, "status": "uninstalled"}]), ""),
    ],
    ids=["never", "removed"],
)
def test_absent_release_has_no_history(answer: tuple[int, str, str]) -> None:
    assert release(FakeHelm(history=answer)).history() == []


GET = 'Error: Kubernetes cluster unreachable: Get "https://10.0.0.1/version": '
HELM_4 = GET.replace("Kubernetes", "kubernetes")


@pytest.mark.parametrize(
    "error",
    [
        GET + "dial tcp 10.0.0.1:443: connect: connection refused",
        GET + "dial tcp 10.0.0.1:443: i/o timeout",
        GET + "dial tcp: lookup k8s.example.com on 10.0.0.2:53: no such host",
        GET + "net/http: TLS handshake timeout",
        GET + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        HELM_4 + "dial tcp 10.0.0.1:443: connect: connection refused",
    ],
)
def test_no_connection_is_told_apart(error: str) -> None:
    with pytest.raises(ClusterUnreachableError, match="cluster unreachable"):
        release(FakeHelm(history=(1, "", error))).history()


@pytest.mark.parametrize(
    "error",
    [
        GET + "getting credentials: exec: executable aws not found",
        GET + "getting credentials: exec: executable aws failed with exit code 254",
        GET + "proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused",
        GET + "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "Error: Kubernetes cluster unreachable: the server has asked for the client to provide "
        "credentials",
        'Error: query: failed to query with labels: secrets is forbidden: User "me" cannot list '
        'resource "secrets"',
    ],
)
def test_a_missing_program_and_a_refusal_are_no_missing_cluster(error: str) -> None:
    with pytest.raises(HelmError) as caught:
        release(FakeHelm(history=(1, "", error))).history()
    assert type(caught.value) is HelmError
    assert str(caught.value) == error


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
    release(helm).recover(recovery, timeout=9, wait=wait)
    assert helm.calls == [[*call, "--timeout=9s", "--namespace=serving"]]


def test_failed_rollback_is_an_error() -> None:
    helm = FakeHelm(rollback=(1, "", "Error: timed out waiting for the condition\n"))
    with pytest.raises(HelmError, match="timed out"):
        release(helm).recover(Recovery(1), timeout=9, wait=True)


def test_a_revision_is_its_state_its_chart_and_each_value() -> None:
    helm = FakeHelm(get=(0, '{"image": "a:1", "gpu": {"count": 1}}', ""))
    revision = {"revision": 4, "status": "deployed", "chart": "triton-0.1.0"}
    assert release(helm).facts(revision) == {
        "status": "deployed",
        "chart": "triton-0.1.0",
        "values.image": "a:1",
        "values.gpu": {"count": 1},
    }
    assert "--revision=4" in helm.calls[0]


def test_a_chart_of_a_repository_is_installed_by_its_version() -> None:
    helm = FakeHelm(upgrade=(0, "", ""))
    chart = Chart("plugin", "0.19.3", "https://charts.example.com")
    release(helm).install(chart, {"a": 1}, timeout=9, scratch="/tmp")
    assert helm.calls[0][:5] == [
        *("upgrade", "triton", "plugin"),
        *("--repo=https://charts.example.com", "--version=0.19.3"),
    ]
    # Values left out of a release are otherwise those of the one before.
    assert {"--install", "--reset-values", "--wait", "--timeout=9s"} < set(helm.calls[0])
    assert json.loads(helm.stdin) == {"a": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chart."""
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: mine\nversion: 0.1.0\n")
    (chart / "templates" / "a.yaml").write_text("kind: A\n")
    return chart


def test_a_folder_is_packed_with_the_digest_of_its_files_as_version(folder: Path) -> None:
    chart = Chart.in_folder(str(folder))
    helm = FakeHelm(package=(0, "", ""), upgrade=(0, "", ""))
    release(helm).install(chart, {}, timeout=9, scratch="/scratch")
    assert chart.title.startswith("mine-0.1.0+")
    assert f"--version={chart.version}" in helm.calls[0]
    assert helm.calls[1][2] == f"/scratch/{chart.title}.tgz"


def test_a_changed_template_is_another_version(folder: Path) -> None:
    before = Chart.in_folder(str(folder))
    (folder / "templates" / "a.cpython-311.pyc").write_bytes(b"compiled")
    assert Chart.in_folder(str(folder)) == before
    (folder / "templates" / "a.yaml").write_text("kind: B\n")
    assert Chart.in_folder(str(folder)) != before


def test_a_folder_without_a_chart_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HelmError, match="is no folder of a chart: No such file or directory"):
        Chart.in_folder(str(tmp_path))
