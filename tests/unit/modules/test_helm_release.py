"""The module helm_release, as Ansible calls it: over a helm of its own, and over the real one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.mlops.gpu_platform.plugins.modules import helm_release
from support.fake_triton import FakeTriton

# Keeps a history in a file; an upgrade and a rollback add to it, and fail where they are told to.
HELM = r"""#!/usr/bin/env python3
import json, pathlib, sys
folder = pathlib.Path(__file__).parent
state = json.loads((folder / "state.json").read_text())
history, words = state["history"], sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(" ".join(words) + "\n")


def end(error=""):
    (folder / "state.json").write_text(json.dumps(state))
    sys.exit("Error: " + error if error else 0)


def revision(status, chart, values):
    number = len(history) + 1
    history.append({"revision": number, "status": status, "chart": chart, "values": values})


if words[0] == "history":
    if not history:
        end("release: not found")
    print(json.dumps(history))
elif words[0] == "get":
    [number] = [int(w.partition("=")[2]) for w in words if w.startswith("--revision")]
    print(json.dumps(history[number - 1]["values"]))
elif words[0] == "upgrade":
    version = [w.partition("=")[2] for w in words if w.startswith("--version")]
    values, failure = json.load(sys.stdin), state.pop("failure", "")
    if not failure:
        for item in history:
            item["status"] = "superseded"
    revision("failed" if failure else "deployed", words[2] + "-" + version[0], values)
    end(failure)
elif words[0] == "rollback":
    back = history[int(words[2]) - 1]
    if state.get("stuck"):
        end("another operation is in progress")
    history[-1]["status"] = back["status"] = "superseded"
    revision("deployed", back["chart"], back["values"])
elif words[0] == "uninstall":
    history.clear()
elif words[0] != "show":
    end("unknown command " + words[0])
end()
"""
RELEASE = {"type": "HelmRelease", "name": "plugins/plugin"}
DEPLOYED = {"revision": 1, "status": "deployed", "chart": "plugin-1.0.0", "values": {"a": 1}}
PODS = "/api/v1/namespaces/plugins/pods"
SELECTED = f"{PODS}?labelSelector=app.kubernetes.io/instance%3Dplugin"
EVENTS = "/api/v1/namespaces/plugins/events?fieldSelector=type%3DWarning"
CRASHED = {
    "metadata": {"name": "plugin-1"},
    "status": {
        "containerStatuses": [
            {
                "name": "main",
                "ready": False,
                "restartCount": 1,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "message": "error: no models\n"}},
            }
        ]
    },
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plugins"}}


def kubeconfig(file: Path, server: str, user: dict[str, Any]) -> Path:
    """Write a kubeconfig, and return it."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTriton]:
    """An API server, and the kubeconfig that leads there."""
    with FakeTriton() as fake:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", fake.url, {})))
        yield fake


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the module."""

    def run(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "name": "plugin",
            "namespace": "plugins",
            "chart": "plugin",
            "repository": "http://charts.example.com",
            "version": "1.0.0",
            "values": {"a": 1},
            "_ansible_check_mode": check_mode,
        }
        with patch_module_args(arguments | options), pytest.raises(SystemExit):
            helm_release.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run


class FakeHelm:
    """The helm that comes first in PATH."""

    def __init__(self, folder: Path) -> None:
        program = folder / "helm"
        program.write_text(HELM)
        program.chmod(0o755)
        self.folder = folder
        self.has()

    def has(self, *history: dict[str, Any], **state: Any) -> None:
        """Give the release a history, and say how what follows ends."""
        (self.folder / "state.json").write_text(json.dumps({"history": history, **state}))
        (self.folder / "calls").write_text("")

    @property
    def calls(self) -> list[str]:
        """Name the commands that were run."""
        return [line.split()[0] for line in (self.folder / "calls").read_text().splitlines()]

    @property
    def deployed(self) -> dict[str, Any]:
        """Return the values of the last revision, which must be deployed."""
        last = json.loads((self.folder / "state.json").read_text())["history"][-1]
        assert last["status"] == "deployed"
        values: dict[str, Any] = last["values"]
        return values


@pytest.fixture
def helm(api: FakeTriton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHelm:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return FakeHelm(tmp_path)


def test_a_release_is_installed_once(call: Any, helm: FakeHelm) -> None:
    result = call()
    assert result["changes"] == [{**RELEASE, "action": "create"}]
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["chart"] == "plugin-1.0.0"
    assert helm.deployed == {"a": 1}
    again = call()
    assert (again["changed"], again["changes"]) == (False, [])
    assert helm.calls[-2:] == ["history", "get"]


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"values": {"a": 2}}, ["values.a"]),
        ({"version": "1.1.0"}, ["chart"]),
        ({"values": {}}, []),
    ],
    ids=["value", "version", "value left out"],
)
def test_what_differs_is_upgraded(
    call: Any, helm: FakeHelm, options: dict[str, Any], fields: list[str]
) -> None:
    helm.has(DEPLOYED)
    assert call(**options)["changes"] == [{**RELEASE, "action": "update", "fields": fields}]
    assert helm.deployed == options.get("values", {"a": 1})
    assert not call(**options)["changed"]


def test_check_mode_only_tells_and_finds_the_chart(call: Any, helm: FakeHelm) -> None:
    helm.has(DEPLOYED)
    assert call(check_mode=True, values={"a": 2})["changed"]
    assert helm.calls == ["history", "get", "show"]
    assert not call(check_mode=True)["changed"]


@pytest.mark.parametrize(
    ("values", "commands"),
    [({"a": 1}, ["rollback"]), ({"a": 2}, ["rollback", "upgrade"])],
    ids=["as deployed", "another"],
)
def test_what_an_interrupted_run_left_is_rolled_back(
    call: Any, helm: FakeHelm, values: dict[str, Any], commands: list[str]
) -> None:
    pending = {"revision": 2, "status": "pending-upgrade", "chart": "plugin-1.0.0", "values": {}}
    helm.has(DEPLOYED, pending)
    [planned] = call(check_mode=True, values=values)["changes"]
    [change] = call(values=values)["changes"]
    assert change == planned
    assert change["fields"] == ["status", "values.a"]
    assert [name for name in helm.calls if name in ("rollback", "upgrade")] == commands
    assert helm.deployed == values


def test_an_interrupted_first_installation_is_removed(call: Any, helm: FakeHelm) -> None:
    helm.has(DEPLOYED | {"status": "pending-install"})
    assert call()["changed"]
    assert [name for name in helm.calls if name not in ("history", "get")] == [
        "uninstall",
        "upgrade",
    ]


def test_a_failure_has_the_pods_reasons_and_restores_what_was(
    call: Any, helm: FakeHelm, api: FakeTriton
) -> None:
    helm.has(DEPLOYED, failure="context deadline exceeded")
    api.teach(SELECTED, {"items": [CRASHED]})
    api.teach(EVENTS, {"items": []})
    log = b"E1123 x.cc:1] \"failed to load 'm' version 1: Internal: no weights\"\n"
    api.teach(f"{PODS}/plugin-1/log?container=main&tailLines=500", log)
    result = call(values={"a": 2})
    assert result["msg"] == (
        "Release plugins/plugin: not deployed with the new values.a: pod plugin-1: model m: "
        "Internal: no weights. What was deployed before is still there."
    )
    assert helm.deployed == {"a": 1}


def test_without_a_log_the_status_serves(call: Any, helm: FakeHelm, api: FakeTriton) -> None:
    helm.has(failure="timed out")
    api.teach(SELECTED, {"items": [CRASHED]})
    api.teach(EVENTS, {"items": []})
    result = call()
    assert "pod plugin-1: error: no models. Nothing was deployed before." in result["msg"]
    assert "uninstall" in helm.calls


def test_without_pods_to_read_helm_s_own_reason_is_told(call: Any, helm: FakeHelm) -> None:
    helm.has(failure="values don't meet the specifications of the schema")
    assert "Error: values don't meet the specifications" in call()["msg"]


def test_a_restoration_that_fails_hides_no_reason(call: Any, helm: FakeHelm) -> None:
    helm.has(DEPLOYED, failure="timed out", stuck=True)
    message = call(values={"a": 2})["msg"]
    assert (
        "with the new values.a: Error: timed out. What was deployed before cannot be restored: "
        in message
    )
    assert message.endswith("another operation is in progress")


def test_removal(call: Any, helm: FakeHelm) -> None:
    helm.has(DEPLOYED)
    for check_mode in (True, False):
        result = call(check_mode=check_mode, state="absent")
        assert result["changes"] == [{**RELEASE, "action": "delete"}]
    assert helm.calls.count("uninstall") == 1
    assert not call(state="absent")["changed"]


def test_objects_come_before_the_release_and_secrets_are_not_shown(
    call: Any, helm: FakeHelm, api: FakeTriton
) -> None:
    space, secret = "/api/v1/namespaces/plugins", "/api/v1/namespaces/plugins/secrets/hook"
    for path, item in ((space, NAMESPACE), (secret, {"metadata": {"name": "hook"}})):
        api.teach(f"{path}?fieldManager=mlops.gpu_platform&force=true", item)
        api.teach(path, {"message": "no"}, status=404)
    result = call(objects=[NAMESPACE], secrets={"hook": {"url": "http://s.test/key"}})
    assert [change["type"] for change in result["changes"]] == [
        "Namespace",
        "Secret",
        "HelmRelease",
    ]
    assert b"aHR0cDovL3MudGVzdC9rZXk=" in api.requests[-1][2]
    assert "s.test" not in json.dumps(result)
    assert "aHR0cDovL3" not in json.dumps(result)


def test_a_secret_without_content_is_deleted(call: Any, helm: FakeHelm, api: FakeTriton) -> None:
    there = {"metadata": {"name": "hook"}, "data": {"url": "eA=="}}
    path = "/api/v1/namespaces/plugins/secrets/hook"
    # Looked for, and deleted.
    api.answers[path] = [(200, json.dumps(there).encode()), (200, b"{}"), (404, b"{}")]
    helm.has(DEPLOYED)
    result = call(secrets={"hook": {}})
    assert result["changes"] == [{"action": "delete", "type": "Secret", "name": "plugins/hook"}]


def test_a_denied_request_names_its_reason(call: Any, helm: FakeHelm, api: FakeTriton) -> None:
    reason = {"message": 'namespaces "plugins" is forbidden'}
    api.teach("/api/v1/namespaces/plugins", reason, status=403)
    message = call(check_mode=True, objects=[NAMESPACE])["msg"]
    assert message == 'Release plugins/plugin: HTTP 403: namespaces "plugins" is forbidden'


CLOSED = "https://127.0.0.1:1"
EXEC = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "interactiveMode": "Never",
}


@pytest.fixture
def real_helm(
    kubernetes_clients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Put the real helm first in PATH; return a function that gives it a server and a user."""
    monkeypatch.setenv("PATH", str(kubernetes_clients), prepend=":")
    monkeypatch.setenv("HELM_CACHE_HOME", str(tmp_path / "cache"))

    def reach(server: str, user: dict[str, Any]) -> None:
        file = kubeconfig(tmp_path / "kubeconfig", server, user)
        monkeypatch.setenv("KUBECONFIG", str(file))

    return reach


def chart_of(folder: Path) -> dict[str, str]:
    """Make a chart; return the options that name it."""
    folder.mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: mine\nversion: 0.1.0\n")
    return {"chart": str(folder), "repository": "", "version": ""}


@pytest.mark.parametrize("server", [CLOSED, ""], ids=["closed port", "no kubeconfig"])
def test_a_plan_creates_all_where_there_is_no_cluster_yet(
    call: Any, real_helm: Any, tmp_path: Path, server: str
) -> None:
    real_helm(server, {})
    if not server:
        Path(os.environ["KUBECONFIG"]).unlink()
    chart = chart_of(tmp_path / "mine")
    planned = call(check_mode=True, objects=[NAMESPACE], secrets={"b": {}}, **chart)
    assert planned["changes"] == [
        {"action": "create", "type": "Namespace", "name": "plugins"},
        {"action": "create", "type": "HelmRelease", "name": "plugins/plugin"},
    ]
    assert not call(check_mode=True, state="absent", **chart)["changed"]
    assert "kubernetes cluster unreachable" in call(**chart)["msg"].lower()


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ({"exec": EXEC | {"command": "no-such-aws"}}, "exec: executable no-such-aws not found"),
        ({"exec": EXEC | {"command": "false"}}, "exec: executable false failed with exit code 1"),
    ],
    ids=["missing program", "failing program"],
)
def test_a_plan_fails_where_credentials_cannot_be_had(
    call: Any, real_helm: Any, user: dict[str, Any], reason: str
) -> None:
    real_helm(CLOSED, user)
    assert reason in call(check_mode=True)["msg"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"/version": 401}, "the server has asked for the client to provide credentials"),
        ({"/version": 200, "secrets": 403}, 'secrets is forbidden: User "me"'),
    ],
    ids=["credentials", "permission"],
)
def test_a_plan_fails_where_the_cluster_refuses(
    call: Any, real_helm: Any, answers: dict[str, int], reason: str
) -> None:
    selector = "labelSelector=name%3Dplugin%2Cowner%3Dhelm"
    paths = {
        "/version": "/version",
        "secrets": f"/api/v1/namespaces/plugins/secrets?{selector}",
    }
    with FakeTriton() as server:
        for name, status in answers.items():
            answer = {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "code": status,
                "reason": {401: "Unauthorized", 403: "Forbidden"}.get(status, ""),
                "message": 'secrets is forbidden: User "me"',
            }
            version = {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
            server.teach(paths[name], version if status == 200 else answer, status=status)
        real_helm(server.url, {})
        assert reason in call(check_mode=True)["msg"]


def test_a_missing_helm_fails_the_plan(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert 'Failed to find required executable "helm"' in call(check_mode=True)["msg"]
