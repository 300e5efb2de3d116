"""Job: pods until enough of them have succeeded."""

from __future__ import annotations

from .. import objects
from ..cluster import Cluster
from ..objects import Object
from . import pods

PREFIXES = ("", "batch.kubernetes.io/")
# The first of each pair announces the second, which an API server does not take without it.
COMPLETE = (("SuccessCriteriaMet", "Complete"), "CompletionsReached")
FAILED = (("FailureTarget", "Failed"), "BackoffLimitExceeded")


def reconcile(cluster: Cluster, job: Object) -> None:
    """Start pods, count their ends, and report success or failure."""
    if objects.condition(job, "Complete") or objects.condition(job, "Failed"):
        return
    spec = job["spec"]
    mine = cluster.owned("Pod", job)
    live = [pod for pod in mine if objects.active(pod)]
    phases = [pod.get("status", {}).get("phase") for pod in mine]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    parallelism = spec.get("parallelism", 1)
    completions = spec.get("completions", parallelism)
    status = {
        "startTime": job.get("status", {}).get("startTime") or objects.utcnow(),
        "active": len(live),
        "ready": sum(map(objects.ready, live)),
        "succeeded": succeeded,
        "failed": failed,
    }
    if succeeded >= completions:
        status |= {"conditions": conditions(*COMPLETE), "completionTime": objects.utcnow()}
    elif failed > spec.get("backoffLimit", 6):
        status |= {"conditions": conditions(*FAILED)}
    elif not spec.get("suspend") and not objects.terminating(job):
        labels = {f"{prefix}job-name": objects.name(job) for prefix in PREFIXES}
        for _ in range(min(parallelism, completions - succeeded) - len(live)):
            pods.create(cluster, job, labels)
    if "conditions" in status:
        for pod in live:
            pods.delete(cluster, job, pod)
        status |= {"active": 0, "ready": 0}
    cluster.update_status("Job", job, status)


def conditions(kinds: tuple[str, str], reason: str) -> list[Object]:
    """The conditions of a job which is over."""
    found: list[Object] = []
    for kind in kinds:
        found = objects.with_condition(found, {"type": kind, "status": "True", "reason": reason})
    return found
