"""Why pods of Triton are not ready, from the records that Kubernetes and Triton leave."""

from __future__ import annotations

from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.pods import (
    log_problems,
    problems,
)

# What tritonserver 2.51 prints for a Python model that raises in its initialize().
LOG = "\n".join(
    [
        "I1123 15:12:03.925240 10305 model_lifecycle.cc:839] \"successfully loaded 'good'\"",
        'E1123 15:12:04.165563 10305 backend_model.cc:692] "ERROR: Failed to create instance"',
        "E1123 15:12:04.165694 10305 model_lifecycle.cc:642] \"failed to load 'bad' version 1: "
        r'Internal: RuntimeError: no weights\n\nAt:\n  /models/bad/1/model.py(4): initialize\n"',
        "I1123 15:12:04.165713 10305 model_lifecycle.cc:777] \"failed to load 'bad'\"",
        "| cache_enabled                    | 0                                              |",
        "error: creating server: Internal - failed to load all models",
        "",
    ]
)


def pod(name: str = "triton-1", ready: str = "False", **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}, *status.pop("conditions", [])]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, **status}}


def container(state: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return [{"name": "triton", "ready": False, "restartCount": 0, "state": state, **fields}]


def no_log(_pod: str, _container: str) -> str:
    return ""


def test_log_names_the_model_and_the_reason() -> None:
    assert log_problems(LOG) == ["model bad: Internal: RuntimeError: no weights"]


def test_log_of_an_ensemble_without_its_models() -> None:
    reason = "Invalid argument: ensemble e contains models that are not available: m"
    log = f'E1123 1 model_repository_manager.cc:703] "{reason}"\n'
    assert log_problems(log + "I1123 next try\n" + log) == [reason]


def test_log_without_a_model_tells_why_the_server_gave_up() -> None:
    log = "I1123 ok\nE1123 x.cc:1] first\nerror: creating server: Internal - last\nbye\n"
    assert log_problems(log) == ["error: creating server: Internal - last"]
    assert log_problems("E1123 server.cc:241] CudaDriverHelper has not been initialized.\n") == []


def test_crash_loop_is_explained_by_the_log() -> None:
    crashing = pod(
        containerStatuses=container(
            {"waiting": {"reason": "CrashLoopBackOff"}},
            restartCount=2,
            lastState={"terminated": {"exitCode": 1, "message": "unread"}},
        )
    )
    asked: list[tuple[str, str]] = []

    def log(pod_name: str, container_name: str) -> str:
        asked.append((pod_name, container_name))
        return LOG

    assert problems([crashing], [], log) == [
        "pod triton-1: model bad: Internal: RuntimeError: no weights"
    ]
    assert asked == [("triton-1", "triton")]


def test_without_a_log_the_termination_message_serves() -> None:
    state = {"terminated": {"exitCode": 1, "message": LOG}}
    found = problems([pod(containerStatuses=container(state))], [], no_log)
    assert found == ["pod triton-1: model bad: Internal: RuntimeError: no weights"]


def test_exit_without_a_reason() -> None:
    state = {"terminated": {"exitCode": 137, "message": "Killed\n"}}
    found = problems([pod(containerStatuses=container(state))], [], no_log)
    assert found == ["pod triton-1: exit status 137: Killed"]


def test_image_that_cannot_be_pulled() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such tag"}
    found = problems([pod(containerStatuses=container({"waiting": waiting}))], [], no_log)
    assert found == ["pod triton-1: ImagePullBackOff: no such tag"]


def test_pod_without_a_node() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/2 nodes: Insufficient gpu",
    }
    found = problems([pod(conditions=[condition])], [], no_log)
    assert found == ["pod triton-1: not scheduled: 0/2 nodes: Insufficient gpu"]


def test_running_pod_is_explained_by_its_last_warning() -> None:
    def event(name: str, reason: str, time: str, message: str) -> dict[str, Any]:
        involved = {"involvedObject": {"name": name}, "metadata": {}}
        return {**involved, "reason": reason, "lastTimestamp": time, "message": message}

    events = [
        event(
            "triton-1", "Unhealthy", "2026-01-01T00:00:09Z", "Readiness probe failed: m: HTTP 500"
        ),
        event("triton-1", "Unhealthy", "2026-01-01T00:00:01Z", "Startup probe failed"),
        event("triton-2", "Unhealthy", "2026-01-01T00:00:10Z", "another pod's"),
        event("triton-1", "Pulled", "2026-01-01T00:00:11Z", "no warning of ours"),
    ]
    running = pod(containerStatuses=container({"running": {}}))
    assert problems([running], events, no_log) == [
        "pod triton-1: Readiness probe failed: m: HTTP 500"
    ]


def test_ready_and_leaving_pods_are_left_out() -> None:
    leaving = pod("triton-3", containerStatuses=container({"terminated": {"exitCode": 1}}))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    creating = pod(containerStatuses=container({"waiting": {"reason": "ContainerCreating"}}))
    assert problems([pod(ready="True"), leaving, creating], [], no_log) == []
