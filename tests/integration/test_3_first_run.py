"""The first run that nobody interrupts: from models to answers."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from typing import Any

import pytest
from support.local_platform import aws_changes, helm, kubectl, kubernetes_objects
from support.playbook_run import OTHER_TAINTS, STATE, PlaybookRun
from tritonclient.grpc import InferenceServerClient

STAGES = [
    "Preflight",
    "Local stack",
    "Models",
    "Infrastructure",
    "Image",
    "Rollout",
    "Monitoring",
    "Verification",
]
ONCE = ["CreateVpc", "CreateInternetGateway", "CreateNatGateway", "CreateCluster"]
"""What AWS must not be asked for again, also where an earlier run was interrupted."""
CREATED = {
    "AllocateAddress": "EIP",
    "CreateFlowLogs": "FlowLog",
    "CreateOpenIDConnectProvider": "OIDCProvider",
}
"""What is created by calls whose names do not say so."""
PARTS = {"CreateAlias", "CreateOrUpdateTags", "CreateRoute", "CreateTags"}
"""Calls that create no resource of their own."""
KINDS = ("ConfigMap", "Namespace", "Secret")
"""The kinds of objects in the cluster that are not Helm's or a controller's."""
MODEL_FILES = {
    "ModelExport": "exports/*/*/export.json",
    "ModelValidation": "exports/*/*/validation.json",
    "ModelRelease": "releases/*/*/manifest.json",
}
HEALTH_PATHS = {
    "alertmanager": "/-/ready",
    "aws": "/",
    "kubeconfig": "/readyz",
    "prometheus": "/-/ready",
    "slack": "/",
    "triton_http": "/v2/health/ready",
    "triton_metrics": "",
}
"""What to ask of each endpoint in endpoints.json that answers over HTTP."""


def test_it_ends_well(first_run: PlaybookRun) -> None:
    assert first_run.return_code == 0, first_run.output


def test_nothing_is_created_twice(first_run: PlaybookRun) -> None:
    changes = aws_changes()

    assert [changes.count(action) for action in ONCE] == [1] * len(ONCE)


def created_at_aws() -> Counter[str]:
    """Count what was created at AWS, by type without its service."""
    calls = [call for call in aws_changes() if call.startswith(("Allocate", "Create"))]
    types = (CREATED.get(call, call.removeprefix("Create")) for call in calls if call not in PARTS)
    return Counter(map(str.lower, types))


def created_elsewhere() -> set[tuple[str, str]]:
    """Return what is there now beside AWS, as a plan calls it."""
    found = {
        (type_, "/".join(path.parent.parts[-2:]))
        for type_, pattern in MODEL_FILES.items()
        for path in STATE.glob(pattern)
    }
    found |= {("TritonModel", path.parent.name) for path in STATE.glob("models/*/config.pbtxt")}
    image = json.loads((STATE / "images" / "triton" / "current.json").read_text(encoding="utf-8"))
    found.add(("ImageBuildContext", image["repository"]))
    releases = json.loads(helm("list", "--all-namespaces", "--output=json"))
    found |= {("HelmRelease", f"{each['namespace']}/{each['name']}") for each in releases}
    for item in kubernetes_objects().values():
        metadata = item["metadata"]
        name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        of_cluster = name.startswith(("default", "kube-")) or name.endswith("/kube-root-ca.crt")
        of_helm = "meta.helm.sh/release-name" in metadata.get("annotations", {})
        of_helm = of_helm or item.get("type") == "helm.sh/release.v1"
        if item["kind"] in KINDS and not of_cluster and not of_helm:
            found.add((item["kind"], name))
    return found


def test_all_that_is_there_now_was_planned_on_the_empty_account(
    empty_plan: dict[str, Any], first_run: PlaybookRun
) -> None:
    planned = Counter((change["type"], change["name"]) for change in empty_plan["changes"])
    at_aws = [type_ for type_, _ in planned if type_.startswith("AWS::")]
    assert created_at_aws() == Counter(type_.rpartition("::")[2].lower() for type_ in at_aws)
    elsewhere = {each for each in planned if not each[0].startswith("AWS::")}
    assert created_elsewhere() == elsewhere
    assert max(planned.values()) == 1


def test_the_table_lists_every_stage_with_its_seconds(first_run: PlaybookRun) -> None:
    assert list(first_run.stages) == STAGES
    assert all(stage.seconds > 0 for stage in first_run.stages.values())


def test_the_photograph_is_an_espresso(first_run: PlaybookRun) -> None:
    assert first_run.result("Classify the photograph")["outputs"]["label"][0] == "espresso"


def test_the_text_arrives_in_pieces(first_run: PlaybookRun) -> None:
    text = first_run.result("Stream generated text")

    assert text["events"] == 64
    assert text["seconds_to_first_event"] < text["seconds"]


def test_prometheus_counts_requests_to_every_model(first_run: PlaybookRun) -> None:
    series = first_run.result("Wait until Prometheus has scraped every model's requests")["json"]
    counts = {item["metric"]["model"]: item["value"][1] for item in series["data"]["result"]}

    assert set(counts) == {path.parent.name for path in STATE.glob("models/*/config.pbtxt")}
    assert all(int(count) > 0 for count in counts.values())


@pytest.mark.usefixtures("platform")
def test_every_endpoint_answers() -> None:
    endpoints = json.loads((STATE / "endpoints.json").read_text(encoding="utf-8"))
    assert set(endpoints) == {"triton_grpc", *HEALTH_PATHS}
    view = ("config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
    endpoints["kubeconfig"] = kubectl(*view)

    for name, path in HEALTH_PATHS.items():
        with urllib.request.urlopen(f"{endpoints[name]}{path}", timeout=10) as answer:
            assert answer.status == 200
    with InferenceServerClient(endpoints["triton_grpc"]) as client:
        assert client.is_server_ready()


@pytest.mark.usefixtures("platform")
def test_kubectl_shows_triton_ready() -> None:
    table = kubectl("get", "pods", "--all-namespaces", "--no-headers")
    ready = [line.split()[2:4] for line in table.splitlines() if line.startswith("triton ")]

    assert ready == [["1/1", "Running"]]


@pytest.mark.usefixtures("platform")
def test_triton_runs_behind_the_taints_of_the_node_group() -> None:
    nodes = json.loads(kubectl("get", "nodes", "--output=json"))["items"]
    tainted = {
        node["metadata"]["name"]
        for node in nodes
        if [{"value": "", **taint} for taint in node["spec"].get("taints", [])] == OTHER_TAINTS
    }
    [pod] = json.loads(kubectl("get", "pods", "--namespace=triton", "--output=json"))["items"]

    assert tainted == {"gpu-1", "gpu-2"}
    assert pod["spec"]["nodeName"] in tainted


@pytest.mark.usefixtures("platform")
def test_helm_shows_the_releases_deployed() -> None:
    releases = json.loads(helm("list", "--all-namespaces", "--output=json"))

    assert {release["name"]: release["status"] for release in releases} == {
        "cluster-autoscaler": "deployed",
        "kube-prometheus-stack": "deployed",
        "nvidia-device-plugin": "deployed",
        "triton": "deployed",
    }
