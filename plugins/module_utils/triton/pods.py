"""Tell from Kubernetes' own records why pods of Triton are not ready."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# In Triton's log, where \n stands for a new line within a message:
# E1123 15:12:04.165694 1 model_lifecycle.cc:642] "failed to load 'm' version 1: Internal: reason"
LOAD_FAILURE = re.compile(r"failed to load '(?P<model>[^']+)' version \d+: (?P<reason>.*)")
# What is wrong with a configuration or an ensemble; the message names the model.
REPOSITORY_ERROR = re.compile(
    r'^E.* model_repository_manager\.cc:\d+\] "(?P<reason>.*)', re.MULTILINE
)
# The last words of a server that gives up.
FATAL = re.compile(r"^error: .*", re.MULTILINE)

# Returns the log of a container: pod name, container name -> text, empty if there is none.
Log = Callable[[str, str], str]


def is_ready(pod: dict[str, Any]) -> bool:
    """Tell whether the pod's condition Ready is true."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def log_problems(log: str) -> list[str]:
    """Return Triton's reasons in a log: one per model, else why the server gave up, else none."""
    found = [
        f"model {match['model']}: {_first_line(match['reason'])}"
        for match in LOAD_FAILURE.finditer(log)
    ]
    found += [_first_line(match["reason"]) for match in REPOSITORY_ERROR.finditer(log)]
    if found:
        # A server that was restarted repeats itself.
        return list(dict.fromkeys(found))
    return FATAL.findall(log)[-1:]


def model_problems(container: dict[str, Any], pod_name: str, log: Log) -> list[str]:
    """Return what Triton itself says in the log of a container, or in its last words."""
    state = container.get("state", {})
    started = container.get("restartCount", 0) > 0 or "waiting" not in state
    text = log(pod_name, container["name"]) if started else ""
    return log_problems(text) or log_problems(_terminated(container).get("message", ""))


def state_problems(container: dict[str, Any]) -> list[str]:
    """Return what Kubernetes says of the state of a container that is not ready."""
    found = []
    waiting = container.get("state", {}).get("waiting", {})
    if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
        found.append(": ".join(filter(None, (waiting.get("reason"), waiting.get("message")))))
    terminated = _terminated(container)
    if terminated:
        last_line = terminated.get("message", "").strip().splitlines()[-1:]
        found.append(": ".join([f"exit status {terminated.get('exitCode')}", *last_line]))
    return found


def pod_problems(pod: dict[str, Any], events: list[dict[str, Any]], log: Log) -> list[str]:
    """Return why one pod is not ready; ``events`` are the warnings of its namespace.

    A model's own reason makes the states and warnings that follow from it needless.
    """
    name = pod["metadata"]["name"]
    status = pod.get("status", {})
    waiting = [each for each in status.get("containerStatuses", []) if not each.get("ready")]
    found = [
        f"not scheduled: {condition.get('message', '')}"
        for condition in status.get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    found += [problem for each in waiting for problem in model_problems(each, name, log)]
    if not found:
        found = [problem for each in waiting for problem in state_problems(each)]
        warnings = [
            event.get("message", "").strip()
            for event in sorted(events, key=_time)
            if event.get("involvedObject", {}).get("name") == name
            and event.get("reason") in ("Unhealthy", "FailedMount", "FailedCreatePodSandBox")
        ]
        found += warnings[-1:]
    return [f"pod {name}: {problem}" for problem in found]


def problems(pods: list[dict[str, Any]], events: list[dict[str, Any]], log: Log) -> list[str]:
    """Return one sentence for each reason why one of the pods is not ready.

    Pods that are being deleted are left out. A pod that is merely not ready yet gives no sentence.
    """
    return [
        problem
        for pod in pods
        if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        for problem in pod_problems(pod, events, log)
    ]


def _first_line(message: str) -> str:
    """Return the first line of a message as Triton logs it, without the closing quote."""
    return message.split("\\n")[0].rstrip('"').strip()


def _terminated(container: dict[str, Any]) -> dict[str, Any]:
    """Return how the container, or the one before it, ended; empty if neither did."""
    states = (container.get("state", {}), container.get("lastState", {}))
    return next((state["terminated"] for state in states if state.get("terminated")), {})


def _time(event: dict[str, Any]) -> str:
    metadata = event.get("metadata", {})
    return event.get("lastTimestamp") or metadata.get("creationTimestamp") or ""
