"""The chart renders what Kubernetes takes, and what the platform relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest

from .conftest import CHART, IMAGE, Helm, Objects

Render = Callable[..., Objects]
# The oldest version that the chart names, the one of the local kubectl, and the newest known.
KUBERNETES = ("1.30", "1.34", kubernetes_validate.latest_version())
VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "autoscaled": {"replicas": {"min": 2, "max": 4}},
    "no GPU": {"gpu": {"count": 0}},
    "load balancer": {"service": {"type": "LoadBalancer", "annotations": {"a": "b"}}},
    "closed": {"networkPolicy": {"clients": [], "metrics": []}},
}


def pod(objects: Objects) -> dict[str, Any]:
    """Return the pod's spec."""
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(objects: Objects) -> dict[str, Any]:
    """Return the one container."""
    (only,) = pod(objects)["containers"]
    return dict(only)


def test_lint(helm: Helm) -> None:
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_every_object(render: Render, variant: str, version: str) -> None:
    objects = render(**VARIANTS[variant])
    assert len(objects) >= 6
    for each in objects.values():
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": {"min": 1}}, "replica"),
        ({"gpu": {"count": -1}}, "/gpu/count"),
        ({"gpu": {"taint": {"effect": "Never"}}}, "/gpu/taint/effect"),
        ({"image": "triton"}, "/image"),
        ({"resources": {"limits": {"nvidia.com/gpu": "1"}}}, "nvidia.com/gpu"),
        ({"networkPolicy": {"clients": [{}]}}, "/networkPolicy/clients/0"),
        ({"args": ["model-control-mode=explicit"]}, "/args/0"),
        ({"startupSeconds": "long"}, "/startupSeconds"),
    ],
)
def test_schema_refuses_and_names(template: Helm, values: dict[str, Any], named: str) -> None:
    done = template(**values)
    assert done.returncode != 0
    assert named in done.stderr


def test_image_is_required(template: Helm) -> None:
    done = template(image="")
    assert done.returncode != 0
    assert "name the image with the models" in done.stderr


@pytest.mark.parametrize("tag", ["012345678901", "12345678e901", "0129e5678901"])
def test_tag_that_looks_like_a_number_stays_text(render: Render, tag: str) -> None:
    objects = render(image=f"registry:5000/triton:{tag}")
    assert container(objects)["image"].endswith(tag)
    assert objects["Deployment"]["metadata"]["labels"]["app.kubernetes.io/version"] == tag


def test_pod_is_restricted(render: Render) -> None:
    objects = render()
    context = pod(objects)["securityContext"]
    assert context["runAsNonRoot"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {next(iter(set(volume) - {"name"})) for volume in pod(objects)["volumes"]} <= {
        "configMap",
        "emptyDir",
    }


def test_one_taint_reaches_toleration_and_selector(render: Render) -> None:
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoExecute"}
    objects = render(gpu={"taint": taint})
    assert pod(objects)["tolerations"] == [{"operator": "Equal", **taint}]
    assert pod(objects)["nodeSelector"] == {"nvidia.com/gpu": "present"}
    assert container(objects)["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_without_gpu_any_node_will_do(render: Render) -> None:
    objects = render(gpu={"count": 0})
    assert not {"tolerations", "nodeSelector"} & set(pod(objects))
    assert "nvidia.com/gpu" not in container(objects)["resources"]["limits"]


@pytest.mark.parametrize("seconds", [5, 7, 600])
def test_startup_probe_lasts_the_budget(render: Render, seconds: int) -> None:
    objects = render(startupSeconds=seconds)
    probe = container(objects)["startupProbe"]
    assert seconds <= probe["periodSeconds"] * (probe["failureThreshold"] - 1) < seconds + 5
    assert objects["Deployment"]["spec"]["progressDeadlineSeconds"] == 15 * 60 + seconds


def test_grace_covers_drain(render: Render) -> None:
    objects = render(drain={"preStopSeconds": 7, "exitTimeoutSeconds": 11})
    assert container(objects)["lifecycle"] == {"preStop": {"sleep": {"seconds": 7}}}
    assert "--exit-timeout-secs=11" in container(objects)["args"]
    assert pod(objects)["terminationGracePeriodSeconds"] > 7 + 11


def test_readiness_outlives_the_probe(render: Render) -> None:
    probe = container(render(golden={"timeoutSeconds": 20}))["readinessProbe"]
    assert "--timeout=20" in probe["exec"]["command"]
    assert probe["timeoutSeconds"] > 20


def test_autoscaler_owns_the_number_of_pods(render: Render) -> None:
    fixed = render(replicas={"min": 3, "max": 3})
    assert fixed["Deployment"]["spec"]["replicas"] == 3
    assert "HorizontalPodAutoscaler" not in fixed
    scaled = render(replicas={"min": 1, "max": 3})
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert scaled["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 3


def test_empty_list_of_peers_admits_nobody(render: Render) -> None:
    closed = render(networkPolicy={"clients": [], "metrics": []})["NetworkPolicy"]["spec"]
    assert not closed["ingress"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "NetworkPolicy" not in render(networkPolicy={"enabled": False})


def test_selector_survives_a_new_image(render: Render) -> None:
    before, after = render(), render(image=IMAGE.replace("0123", "3210"))
    assert before["Deployment"]["spec"]["selector"] == after["Deployment"]["spec"]["selector"]
