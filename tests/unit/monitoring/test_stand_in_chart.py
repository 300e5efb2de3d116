"""The stand-in chart turns the role's values into what Prometheus and Alertmanager can read."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stand_ins.prometheus_kubernetes_sd import with_file_discovery

from .conftest import REPOSITORY, Run

ROLE = REPOSITORY / "roles/monitoring"
CHART = REPOSITORY / "emulators/stand_ins/charts/kube-prometheus-stack"
WEBHOOK = "http://127.0.0.1:9/services/secret"
LOCAL = {"monitoring_slack_webhook_url": WEBHOOK}
OVERRIDDEN = {
    "monitoring_scrape_interval": "5s",
    "monitoring_values_overrides": {"prometheus": {"prometheusSpec": {"retention": "1d"}}},
}

Rendered = dict[tuple[str, str], dict[str, Any]]
Render = Callable[..., Rendered]


@pytest.fixture(scope="module")
def render(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Return a function that renders the chart with the role's values under given variables.

    The values come from a role like ours in everything but its one task, which writes them down.
    """
    folder = tmp_path_factory.mktemp("render")
    values, playbook, role = (
        folder / "values.json",
        folder / "play.yml",
        folder / "roles/monitoring",
    )
    (role / "tasks").mkdir(parents=True)
    for part in ("defaults", "vars", "files"):
        (role / part).symlink_to(ROLE / part)
    task = {"content": "{{ _monitoring_values | to_json }}", "dest": str(values), "mode": "0600"}
    (role / "tasks/main.yml").write_text(yaml.safe_dump([{"ansible.builtin.copy": task}]))
    play = {"hosts": "localhost", "gather_facts": False, "roles": ["monitoring"]}
    playbook.write_text(yaml.safe_dump([play]))

    @functools.cache
    def rendered(variables: str) -> Rendered:
        run("ansible-playbook", "--inventory=localhost,", f"--extra-vars={variables}", playbook)
        manifests = run(
            "helm", "template", "kube-prometheus-stack", CHART,
            "--namespace=monitoring", f"--values={values}",
        )  # fmt: skip
        objects = yaml.safe_load_all(manifests)
        return {(each["kind"], each["metadata"]["name"]): each for each in objects}

    here = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    return lambda **variables: rendered(json.dumps({**here, **variables}))


def pod(objects: Rendered, name: str) -> dict[str, Any]:
    """Return the pod template of a StatefulSet."""
    template: dict[str, Any] = objects["StatefulSet", name]["spec"]["template"]
    return template


def test_prometheus_can_read_its_files(render: Render, run: Run, tmp_path: Path) -> None:
    objects = render(**LOCAL)
    files = objects["ConfigMap", "prometheus-kube-prometheus-stack-prometheus"]["data"]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    config = yaml.safe_load(files["prometheus.yml"])
    # Debian's build, which the local stack runs, has no Kubernetes discovery.
    readable = with_file_discovery(config, tmp_path, tmp_path / "targets.json")
    (tmp_path / "readable.yml").write_text(yaml.safe_dump(readable))
    printed = run("promtool", "check", "config", "--lint=all", tmp_path / "readable.yml")
    assert "2 rules found" in printed
    discovery = [{"role": "pod"}]
    assert config["scrape_configs"][0]["kubernetes_sd_configs"] == discovery
    assert config["alerting"]["alertmanagers"][0]["kubernetes_sd_configs"] == discovery
    rules = (ROLE / "files/rules/triton.yml").read_text()
    assert yaml.safe_load(files["triton.rules.yml"]) == yaml.safe_load(rules)


def test_alertmanager_can_read_its_file(render: Render, run: Run, tmp_path: Path) -> None:
    objects = render(**LOCAL)
    secret = objects["Secret", "alertmanager-kube-prometheus-stack-alertmanager"]
    config = tmp_path / "alertmanager.yaml"
    config.write_bytes(base64.b64decode(secret["data"]["alertmanager.yaml"]))
    run("amtool", "check-config", config)
    spec = pod(objects, "alertmanager-kube-prometheus-stack-alertmanager")["spec"]
    container = spec["containers"][0]
    # Alertmanager reads the file below its working directory, where the Secret is mounted.
    [slack] = yaml.safe_load(config.read_text())["receivers"][1]["slack_configs"]
    assert slack["api_url_file"] == "url"
    assert "{{ .Annotations.summary }}" in slack["text"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volume = mounts[container["workingDir"]]
    assert {"name": volume, "secret": {"secretName": "alertmanager-slack"}} in spec["volumes"]


def test_the_webhook_is_in_no_rendered_object(render: Render) -> None:
    assert WEBHOOK not in str(render(**LOCAL))


def test_without_a_webhook_alerts_go_to_nobody(render: Render, run: Run, tmp_path: Path) -> None:
    objects = render()
    secret = objects["Secret", "alertmanager-kube-prometheus-stack-alertmanager"]
    config = tmp_path / "alertmanager.yaml"
    config.write_bytes(base64.b64decode(secret["data"]["alertmanager.yaml"]))
    run("amtool", "check-config", config)
    assert [each["name"] for each in yaml.safe_load(config.read_text())["receivers"]] == ["null"]


def test_a_change_of_configuration_replaces_only_the_pod_that_reads_it(render: Render) -> None:
    before, after = render(), render(**OVERRIDDEN)
    for name, changes in {"prometheus": True, "alertmanager": False}.items():
        stateful_set = f"{name}-kube-prometheus-stack-{name}"
        assert (pod(before, stateful_set) != pod(after, stateful_set)) is changes


def test_services_reach_the_pods_by_the_names_that_the_publisher_uses(render: Render) -> None:
    objects = render()
    for name, port in {"prometheus": 9090, "alertmanager": 9093}.items():
        service = objects["Service", f"kube-prometheus-stack-{name}"]["spec"]
        template = pod(objects, f"{name}-kube-prometheus-stack-{name}")
        assert service["selector"].items() <= template["metadata"]["labels"].items()
        assert service["ports"] == [{"name": "http-web", "port": port, "targetPort": "http-web"}]
        assert {"name": "http-web", "containerPort": port} in template["spec"]["containers"][0][
            "ports"
        ]


def test_overrides_are_merged_deeply(render: Render) -> None:
    objects = render(**OVERRIDDEN)
    container = pod(objects, "prometheus-kube-prometheus-stack-prometheus")["spec"]["containers"][0]
    assert "--storage.tsdb.retention.time=1d" in container["args"]
    assert (
        "triton.rules.yml"
        in objects["ConfigMap", "prometheus-kube-prometheus-stack-prometheus"]["data"]
    )
