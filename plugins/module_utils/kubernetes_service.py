"""What is behind a Service of Kubernetes: its endpoints, and whether their pods answer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reachability import Step, Way
from .triton.pods import (
    Log,
    is_ready,
    pod_problems,
)

Document = dict[str, Any]
Ask = Callable[[str], Step]
"""Asks an address, and returns the last step of the way there."""


@dataclass(frozen=True)
class Endpoint:
    """An address behind a Service."""

    address: str
    port: int
    ready: bool
    pod: str


def endpoints(service: Document, slices: list[Document]) -> list[Endpoint]:
    """Return the endpoints of a Service's first port."""
    name = service["spec"]["ports"][0].get("name", "")
    return [
        Endpoint(
            entry["addresses"][0],
            port["port"],
            entry.get("conditions", {}).get("ready") is not False,
            (entry.get("targetRef") or {}).get("name", ""),
        )
        for each in slices
        for port in each.get("ports") or []
        if port.get("name", "") == name
        for entry in each.get("endpoints") or []
    ]


def findings(
    service: Document,
    slices: list[Document],
    pods: list[Document],
    events: list[Document],
    log: Log,
    ask: Ask,
) -> Document:
    """Return what is behind a Service, as data and in a sentence.

    Args:
        service: the Service.
        slices: its EndpointSlices.
        pods: the pods that it selects.
        events: the warnings of their namespace.
        log: reads the log of a container.
        ask: asks a pod that has an address of this machine.
    """
    metadata = service["metadata"]
    name = f"Service {metadata['namespace']}/{metadata['name']}"
    known = endpoints(service, slices)
    ready = [each for each in known if each.ready]
    pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    sentences = []
    ill = [pod["metadata"]["name"] for pod in pods if not is_ready(pod)]
    if ready:
        addresses = ", ".join(f"{each.address}:{each.port}" for each in ready)
        sentences.append(f"{name} has {number(len(ready), 'ready endpoint')} ({addresses})")
    else:
        among = number(len(pods), "pod") if pods else "no pod"
        sentences.append(f"{name} has no ready endpoint, and selects {among}")
    for endpoint in ready:
        answer = ask(url(endpoint)) if is_own(endpoint.address) else None
        if answer and not answer.ok:
            ill.append(endpoint.pod)
        sentences.append(pod_answer(endpoint, answer))
    for pod in pods:
        if not is_ready(pod):
            waiting = f"pod {pod['metadata']['name']} is not ready yet"
            sentences += pod_problems(pod, events, log) or [waiting]
    return {
        "well": bool(ready) and not ill,
        "endpoints": [each.__dict__ for each in known],
        "ill_pods": [name for name in ill if name],
        "found": "; ".join(sentences),
    }


def number(count: int, what: str) -> str:
    """Return a count with its noun."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def url(endpoint: Endpoint) -> str:
    """Return where an endpoint is asked itself."""
    return f"http://{endpoint.address}:{endpoint.port}"


def pod_answer(endpoint: Endpoint, answer: Step | None) -> str:
    """Say whether a pod answers; without an answer of its own, its probe tells."""
    pod = f"pod {endpoint.pod}" if endpoint.pod else url(endpoint)
    if answer is None:
        return f"{pod} passes its readiness probe, by which its own node asks it"
    return f"{pod} itself {'answers' if answer.ok else 'does not answer'} ({answer.found})"


def is_own(address: str) -> bool:
    """Tell whether an address is one of this machine.

    Any other is asked by the pod's own node alone: seen from here, the same address may be that of
    somebody else.
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def asker(path: str) -> Ask:
    """Return what asks an address for a path."""
    return lambda address: Way.of(address + path).steps()[-1]
