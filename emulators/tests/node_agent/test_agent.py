"""The whole agent, against the API server's emulator and with small real programs as images."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from .conftest import GPU, Stack, template, wait_for, workload


@pytest.fixture(name="app")
def deployed_app(stack: Stack) -> Stack:
    """The Deployment app with two complete replicas of v1, behind the published port."""
    pod = template("app", lifecycle={"preStop": {"sleep": {"seconds": 1}}})
    volume = {"name": "config", "configMap": {"name": "config"}}
    pod["spec"]["volumes"] = [volume]
    pod["spec"]["containers"][0] |= {
        "env": [{"name": "CONFIG", "value": "/etc/app/text"}],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    if not stack.get("Deployment", "app"):
        stack.create("ConfigMap", {"metadata": {"name": "config"}, "data": {"text": "first"}})
        strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        spec = {"replicas": 2, "progressDeadlineSeconds": 3, "strategy": strategy}
        stack.create("Deployment", workload("app", pod, **spec))
    wait_for(stack.complete, "the rollout of v1")
    wait_for(lambda: not stack.refuses(), "the published port")
    return stack


def set_image(stack: Stack, tag: str) -> None:
    """Begin a rollout to another tag."""
    containers = stack.get("Deployment", "app")["spec"]["template"]["spec"]["containers"]
    image, _, _ = containers[0]["image"].rpartition(":")
    containers[0]["image"] = f"{image}:{tag}"
    stack.patch("Deployment", "app", {"spec": {"template": {"spec": {"containers": containers}}}})


def condition(obj: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = obj.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == kind), {})


def test_pods_have_addresses_and_answer(app: Stack) -> None:
    assert {app.ask() for _ in range(4)} == {"v1"}
    addresses = {pod["status"]["podIP"] for pod in app.pods()}
    assert len(addresses) == 2
    endpoints = app.get("Endpoints", "app")["subsets"][0]["addresses"]
    assert {address["ip"] for address in endpoints} == addresses
    assert app.get("ConfigMap", "kube-root-ca.crt")


def test_a_pod_waits_until_its_volumes_can_be_written(stack: Stack) -> None:
    pods = stack.directory / "state" / "pods"
    wait_for(pods.is_dir, "the folder of pods")
    pods.rename(pods.with_name("elsewhere"))
    pods.touch()
    try:
        pod = template("waiting")
        pod["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
        stack.create("Pod", {**pod, "metadata": {**pod["metadata"], "name": "waiting"}})
        wait_for(lambda: stack.events("FailedMount"), "the event of a volume that is not written")
    finally:
        pods.unlink()
        pods.with_name("elsewhere").rename(pods)
    wait_for(lambda: condition(stack.get("Pod", "waiting"), "Ready")["status"] == "True", "the pod")
    stack.delete("Pod", "waiting")


def test_rolling_update_loses_no_request(app: Stack) -> None:
    answers: list[str] = []
    done = threading.Event()

    def ask_on() -> None:
        while not done.wait(0.01):
            try:
                answers.append(app.ask())
            except OSError as error:
                answers.append(str(error))

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        set_image(app, "v2")
        wait_for(app.complete, "the rollout of v2")
    finally:
        done.set()
        asking.join()
    assert set(answers) == {"v1", "v2"}
    progress = condition(app.get("Deployment", "app"), "Progressing")
    assert progress["reason"] == "NewReplicaSetAvailable"


def test_broken_update_keeps_the_old_pods_and_rolls_back(app: Stack) -> None:
    before = app.ask()
    set_image(app, "unready")
    wait_for(
        lambda: (
            condition(app.get("Deployment", "app"), "Progressing").get("reason")
            == "ProgressDeadlineExceeded"
        ),
        "the deadline",
    )
    assert app.ask() == before
    assert app.get("Deployment", "app")["status"]["availableReplicas"] == 2
    wait_for(lambda: app.events("Unhealthy"), "the event")
    assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in app.events(
        "Unhealthy"
    )
    set_image(app, before)
    wait_for(app.complete, "the rollback")
    annotations = app.get("Deployment", "app")["metadata"]["annotations"]
    assert int(annotations["deployment.kubernetes.io/revision"]) >= 3


def test_config_map_reaches_the_volume(app: Stack) -> None:
    assert app.ask("/config") == "first"
    app.patch("ConfigMap", "config", {"data": {"text": "second"}})
    wait_for(lambda: app.ask("/config") == "second", "the new text")


def test_killed_process_is_restarted(app: Stack) -> None:
    staying = [pod for pod in app.pods() if "deletionTimestamp" not in pod["metadata"]]
    name = staying[0]["metadata"]["name"]
    pid_file = app.directory / f"state/run/test_{name}_main.pid"
    os.kill(int(pid_file.read_text()), signal.SIGKILL)

    def restarted() -> dict[str, Any] | None:
        status: dict[str, Any] = app.get("Pod", name)["status"]["containerStatuses"][0]
        return status if status["restartCount"] == 1 and status["ready"] else None

    status = wait_for(restarted, "the restart")
    assert status["lastState"]["terminated"]["exitCode"] == 137


def test_open_connections_outlive_scaling_to_zero(app: Stack) -> None:
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(app.ask("/?sleep=1.5")))
    asking.start()
    threading.Event().wait(0.3)
    app.patch("Deployment", "app", {"spec": {"replicas": 0}})
    wait_for(app.refuses, "the closed port")
    asking.join()
    assert answers[0] in ("v1", "v2")
    wait_for(lambda: not app.pods(), "the pods' end")
    app.patch("Deployment", "app", {"spec": {"replicas": 2}})
    wait_for(app.complete, "the way back")


def test_crashing_container_says_why(stack: Stack) -> None:
    stack.create("Deployment", workload("crash", template("crash", "crash")))

    def looping() -> dict[str, Any] | None:
        for pod in stack.pods("crash"):
            for status in pod.get("status", {}).get("containerStatuses") or []:
                if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff":
                    found: dict[str, Any] = status
                    return found
        return None

    status = wait_for(looping, "CrashLoopBackOff")
    terminated = status["lastState"]["terminated"]
    assert terminated["exitCode"] == 1
    assert terminated["message"] == "model resnet50: UNAVAILABLE: Invalid argument"
    stack.delete("Deployment", "crash")
    wait_for(lambda: not stack.pods("crash"), "the garbage collection")


def test_missing_image_is_not_pulled(stack: Stack) -> None:
    stack.create("Deployment", workload("absent", template("absent", "v9")))

    def waiting() -> str:
        for pod in stack.pods("absent"):
            for status in pod.get("status", {}).get("containerStatuses") or []:
                if status["state"].get("waiting", {}).get("reason") == "ImagePullBackOff":
                    return str(status["state"]["waiting"]["message"])
        return ""

    assert "images/v9 does not exist" in wait_for(waiting, "ImagePullBackOff")
    stack.delete("Deployment", "absent")


def test_gpu_is_allocatable_once_the_device_plugin_is_ready(stack: Stack) -> None:
    tolerations = [{"key": GPU, "operator": "Exists"}]
    job = template("gpu-job", resources={"limits": {GPU: "1"}}, image="example/simulated")
    job["spec"] |= {"tolerations": tolerations, "restartPolicy": "Never"}
    stack.create("Job", {"metadata": {"name": "gpu-job"}, "spec": {"template": job}})
    unschedulable = wait_for(
        lambda: [c for p in stack.pods("gpu-job") if (c := condition(p, "PodScheduled"))],
        "the condition",
    )
    assert unschedulable[0]["reason"] == "Unschedulable"
    assert unschedulable[0]["message"] == "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    plugin = template("plugin", image="nvcr.io/nvidia/k8s-device-plugin:v0.17.1")
    plugin["spec"] |= {"tolerations": tolerations, "nodeSelector": {"accelerator": "nvidia"}}
    stack.create("DaemonSet", workload("plugin", plugin))
    wait_for(lambda: condition(stack.get("Job", "gpu-job"), "Complete"), "the Job's end")
    assert stack.get("DaemonSet", "plugin")["status"]["desiredNumberScheduled"] == 1
    assert stack.get("Node", "gpu", "")["status"]["allocatable"][GPU] == "1"
    stack.delete("DaemonSet", "plugin")
    wait_for(lambda: stack.get("Node", "gpu", "")["status"]["allocatable"][GPU] == "0", "no plugin")


def test_a_shared_gpu_is_allocatable_several_times(stack: Stack) -> None:
    slicing = {"timeSlicing": {"resources": [{"name": GPU, "replicas": 4}]}}
    data = {"default": json.dumps({"version": "v1", "sharing": slicing})}
    stack.create("ConfigMap", {"metadata": {"name": "slices"}, "data": data})
    plugin = template("slices", image="nvcr.io/nvidia/k8s-device-plugin:v0.17.1")
    plugin["spec"] |= {
        "tolerations": [{"key": GPU, "operator": "Exists"}],
        "nodeSelector": {"accelerator": "nvidia"},
        "volumes": [{"name": "configs", "configMap": {"name": "slices"}}],
    }
    stack.create("DaemonSet", workload("slices", plugin))
    wait_for(
        lambda: stack.get("Node", "gpu", "")["status"]["allocatable"][GPU] == "4", "the slices"
    )
    stack.delete("DaemonSet", "slices")
    wait_for(lambda: stack.get("Node", "gpu", "")["status"]["allocatable"][GPU] == "0", "no plugin")


def test_stateful_set_replaces_its_last_pod_first(stack: Stack) -> None:
    pod = template("db", image="example/simulated:1")
    claims = [
        {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    ]
    spec = {"replicas": 2, "serviceName": "db", "volumeClaimTemplates": claims}
    stack.create("StatefulSet", workload("db", pod, **spec))

    def current() -> bool:
        stateful_set = stack.get("StatefulSet", "db")
        status = stateful_set.get("status", {})
        return bool(
            status.get("observedGeneration") == stateful_set["metadata"]["generation"]
            and status.get("readyReplicas") == status.get("updatedReplicas") == 2
            and status["currentRevision"] == status["updateRevision"]
        )

    wait_for(current, "two replicas")
    assert stack.get("PersistentVolumeClaim", "data-db-1")["status"]["phase"] == "Bound"
    pod["spec"]["containers"][0]["image"] = "example/simulated:2"
    stack.patch("StatefulSet", "db", {"spec": {"template": pod}})
    wait_for(current, "the update")
    images = {p["spec"]["containers"][0]["image"] for p in stack.pods("db")}
    assert images == {"example/simulated:2"}
    stack.delete("StatefulSet", "db")


def test_liveness_and_init_containers(stack: Stack) -> None:
    mark = {"exec": {"command": ["test", "-e", "/marks/alive"]}, "periodSeconds": 1}
    pod = template("live", livenessProbe={**mark, "failureThreshold": 1})
    mounts = [{"name": "marks", "mountPath": "/marks"}]
    main = {**pod["spec"]["containers"][0], "volumeMounts": mounts}
    first = {
        "name": "first",
        "image": main["image"],
        "command": ["touch", "/marks/alive"],
        "volumeMounts": mounts,
    }
    volumes = [{"name": "marks", "emptyDir": {}}]
    pod["spec"] |= {"volumes": volumes, "initContainers": [first], "containers": [main]}
    stack.create("Deployment", workload("live", pod))
    wait_for(lambda: stack.complete("live"), "the rollout")
    (path,) = Path(stack.directory).glob("state/pods/*/marks/alive")
    path.unlink()
    wait_for(
        lambda: stack.pods("live")[0]["status"]["containerStatuses"][0]["restartCount"],
        "the restart",
    )
    stack.delete("Deployment", "live")
    wait_for(lambda: not stack.pods("live"), "the garbage collection")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_agent_leaves_no_process_and_takes_up_again(app: Stack, number: signal.Signals) -> None:
    assert app.processes()
    app.agent.send_signal(number)
    app.agent.wait(15)
    wait_for(lambda: not app.processes(), "the end of all processes", 2)
    restarts = {
        pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in app.pods()
    }
    app.start_agent()

    def again() -> bool:
        restarted = [
            status
            for pod in app.pods()
            for status in pod["status"]["containerStatuses"]
            if status["ready"] and status["restartCount"] > restarts[pod["metadata"]["name"]]
        ]
        return len(restarted) == 2

    wait_for(again, "the restart of both pods")
    wait_for(lambda: not app.refuses(), "the published port")
    assert {pod["metadata"]["name"] for pod in app.pods()} == set(restarts)
    assert app.ask() in ("v1", "v2")


def test_namespace_takes_its_pods_along(app: Stack) -> None:
    app.client.request("DELETE", "/api/v1/namespaces/test")
    wait_for(lambda: not app.processes(), "the end of all processes")
    wait_for(lambda: not app.get("Namespace", "test", ""), "the end of the namespace")
