"""The node agent: pods bound to its nodes become local processes, or are simulated."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
import os
from collections.abc import Callable
from pathlib import Path

from .. import objects
from ..client import ApiError
from ..cluster import RESOURCES, Cluster
from ..nodes import ADDRESS, SIMULATED
from ..objects import Object
from .container import Container, Sandbox
from .environment import ConfigError
from .volumes import Volumes

log = logging.getLogger(__name__)

API_RETRY_SECONDS = 1.0
DISK_RETRY_SECONDS = 2.0
KEPT_LOGS = 100


class PodRunner:
    """One pod from its binding to its removal. Lives on the event loop."""

    def __init__(
        self, cluster: Cluster, pod: Object, pod_ip: str, images: Path, state: Path
    ) -> None:
        self.uid = objects.uid(pod)
        self.pod_ip = pod_ip
        self._cluster = cluster
        self._refreshed = asyncio.Event()
        self._changed = asyncio.Event()
        self._tokens: dict[str, str] = {}
        self._conditions: list[Object] = pod.get("status", {}).get("conditions") or []
        self._start_time = pod.get("status", {}).get("startTime") or objects.utcnow()
        self._initialized = False
        self._sources: list[Object | None] = []
        self._volumes = Volumes(state / "pods" / self.uid, state / "claims")
        self._box = Sandbox(
            pod, pod_ip, images, state, self._volumes, cluster.get, self._event, self._changed.set
        )
        spec = pod["spec"]
        self._init = [Container(self._box, c, init=True) for c in spec.get("initContainers") or []]
        self._containers = [Container(self._box, c) for c in spec["containers"]]
        self._all = [*self._init, *self._containers]
        self._restore(pod)
        self._writer = asyncio.create_task(self._write_forever())
        self._main = asyncio.create_task(self._run())
        self._main.add_done_callback(self._report)
        self.ending: asyncio.Task[None] | None = None
        self.update(pod)

    def _restore(self, pod: Object) -> None:
        status = pod.get("status", {})
        for containers, field in (
            (self._init, "initContainerStatuses"),
            (self._containers, "containerStatuses"),
        ):
            known = {entry["name"]: entry for entry in status.get(field) or []}
            for container in containers:
                container.restore(known.get(container.name, {}))

    def update(self, pod: Object) -> None:
        """Take the pod's newest version; begin its end when it is terminating."""
        self._box.pod = pod
        if self._sources != self._volumes.sources(pod, self._cluster.get):
            self._refreshed.set()
        if objects.terminating(pod) and self.ending is None:
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds", 30))
            self.ending = asyncio.create_task(self._end(grace))

    def abandon(self) -> asyncio.Task[None]:
        """End the processes of a pod which the API server no longer has."""
        if self.ending:
            for container in self._all:
                container.kill()
            return self.ending
        self.ending = asyncio.create_task(self._stop(0))
        return self.ending

    async def shutdown(self, grace: float) -> None:
        """End the processes because the agent ends; the pod stays, to be started again."""
        for task in (self._main, self._writer, self.ending):
            if task:
                task.cancel()
        await asyncio.gather(*(c.stop(grace, hook=False) for c in self._all))

    def _event(self, kind: str, reason: str, message: str) -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._cluster.event, self._box.pod, kind, reason, message)

    async def _run(self) -> None:
        """Run the containers to their end, which for most pods never comes."""
        if objects.finished(self._box.pod):
            self._writer.cancel()
            return
        self._changed.set()
        simulated = [container.simulated() for container in self._all]
        if any(simulated):
            patch = {"metadata": {"annotations": SIMULATED}}
            await self._ask(self._cluster.patch_pod, self._box.pod, patch)
        if not all(simulated):
            await self._mount()
        mounting = asyncio.create_task(self._mount_again())
        try:
            for container in self._init:
                await container.run()
                if container.exit_code():
                    return
            self._initialized = True
            await asyncio.gather(*(container.run() for container in self._containers))
        finally:
            mounting.cancel()
            self._changed.set()

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            log.error("pod %s", objects.name(self._box.pod), exc_info=task.exception())

    async def _ask(self, request: Callable[..., None], *args: object) -> None:
        """Send a request until the API server has taken or refused it."""
        while True:
            try:
                return await asyncio.to_thread(request, *args)
            except ApiError as error:
                if 400 <= error.status < 500:
                    if error.status not in (404, 409):
                        log.error("pod %s: %s", objects.name(self._box.pod), error)
                    return None
            await asyncio.sleep(API_RETRY_SECONDS)

    async def _mount(self) -> None:
        """Write the volumes; wait as long as something that they are made of is missing."""
        while True:
            self._refreshed.clear()
            pod = self._box.pod
            try:
                self._sources = self._volumes.sources(pod, self._cluster.get)
                return await asyncio.to_thread(
                    self._volumes.update, pod, self._cluster.get, self._token
                )
            except (ApiError, ConfigError) as error:
                self._event("Warning", "FailedMount", str(error))
            except OSError as error:
                problem = f"cannot write {self._volumes.directory}: {error}"
                self._event("Warning", "FailedMount", problem)
                # No API object tells when a disk has space again.
                await asyncio.sleep(DISK_RETRY_SECONDS)
                continue
            await self._refreshed.wait()

    async def _mount_again(self) -> None:
        """Keep the volumes as their sources are."""
        while True:
            await self._refreshed.wait()
            await self._mount()

    def _token(self, pod: Object, source: Object) -> str:
        """A service account token, asked for once."""
        if source["path"] not in self._tokens:
            account = pod["spec"].get("serviceAccountName", "default")
            path = RESOURCES["ServiceAccount"].path(objects.namespace(pod), account, "token")
            audiences = [source["audience"]] if source.get("audience") else []
            spec = {
                "audiences": audiences,
                "expirationSeconds": source.get("expirationSeconds", 3600),
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": objects.name(pod),
                    "uid": objects.uid(pod),
                },
            }
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
            answer = self._cluster.client.request("POST", path, body)
            self._tokens[source["path"]] = str(answer["status"]["token"])
        return self._tokens[source["path"]]

    async def _write_forever(self) -> None:
        """Write the status whenever it has changed."""
        written: Object = {}
        while True:
            await self._changed.wait()
            self._changed.clear()
            status = self._status()
            if status != written:
                await self._put(status)
                written = status

    async def _put(self, status: Object) -> None:
        await self._ask(self._cluster.patch_pod, self._box.pod, {"status": status}, "status")

    def _phase(self) -> str:
        codes = [container.exit_code() for container in self._all]
        if self._main.done() and any(codes):
            return "Failed"
        if self._main.done() and None not in codes:
            return "Succeeded"
        unborn = any("waiting" in c.state and not c.last_state for c in self._containers)
        return "Running" if self._initialized and not unborn else "Pending"

    def _status(self) -> Object:
        """The PodStatus, as of now."""
        phase = self._phase()
        unready = " ".join(c.name for c in self._containers if not c.ready)
        over = phase in ("Succeeded", "Failed")
        not_ready = {
            "reason": "PodCompleted" if over else "ContainersNotReady",
            "message": "" if over else f"containers with unready status: [{unready}]",
        }
        left = " ".join(c.name for c in self._init if c.exit_code() != 0)
        incomplete = {
            "reason": "ContainersNotInitialized",
            "message": f"containers with incomplete status: [{left}]",
        }
        parts: list[tuple[str, bool, Object]] = [
            ("PodScheduled", True, {}),
            ("Initialized", self._initialized, incomplete),
            ("ContainersReady", not unready, not_ready),
            ("Ready", not unready, not_ready),
        ]
        for kind, true, why in parts:
            # In a strategic merge patch, null takes away the reason of the time before.
            new = {"type": kind, "status": str(true), **(dict.fromkeys(why) if true else why)}
            self._conditions = objects.with_condition(self._conditions, new)
        return {
            "phase": phase,
            "conditions": self._conditions,
            "hostIP": ADDRESS,
            "hostIPs": [{"ip": ADDRESS}],
            "podIP": self.pod_ip,
            "podIPs": [{"ip": self.pod_ip}],
            "startTime": self._start_time,
            "initContainerStatuses": [container.status() for container in self._init],
            "containerStatuses": [container.status() for container in self._containers],
        }

    async def _stop(self, grace: float) -> None:
        """End the processes and remove what they had on disk."""
        self._main.cancel()
        await asyncio.wait([self._main])
        await asyncio.gather(*(container.stop(grace) for container in self._all))
        self._writer.cancel()
        await asyncio.to_thread(self._volumes.remove)

    async def _end(self, grace: float) -> None:
        """See a deleted pod off: end its processes, and then let the API server forget it."""
        if not objects.finished(self._box.pod):
            names = ", ".join(container.name for container in self._containers)
            self._event("Normal", "Killing", f"Stopping container {names}")
            await self._stop(grace)
            await self._put(self._status())
        await self._ask(self._cluster.remove_pod, self._box.pod)


class Kubelet:
    """Runs the pods of the given nodes. Lives on the event loop."""

    def __init__(
        self, cluster: Cluster, nodes: set[str], images: Path, state: Path, network: str
    ) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._images = images
        self._state = state
        self._network = ipaddress.ip_network(network)
        self._addresses = itertools.cycle(map(str, self._network.hosts()))
        self._runners: dict[str, PodRunner] = {}
        self._leaving: dict[asyncio.Task[None], PodRunner] = {}

    def sync(self) -> None:
        """Run, update and end pods as the cache has them now."""
        pods = {
            objects.uid(pod): pod
            for pod in self._cluster.select("Pod")
            if pod["spec"].get("nodeName") in self._nodes
        }
        for gone in set(self._runners) - set(pods):
            runner = self._runners.pop(gone)
            task = runner.abandon()
            self._leaving[task] = runner
            task.add_done_callback(self._gone)
        for uid, pod in pods.items():
            if uid in self._runners:
                self._runners[uid].update(pod)
            elif uid not in {runner.uid for runner in self._leaving.values()}:
                address = self._address(pod)
                runner = PodRunner(self._cluster, pod, address, self._images, self._state)
                self._runners[uid] = runner
        self._prune_logs()

    def _gone(self, task: asyncio.Task[None]) -> None:
        del self._leaving[task]
        self.sync()

    def _address(self, pod: Object) -> str:
        """The pod's own address: the one it had before, or the next free one of the network."""
        if pod["spec"].get("hostNetwork"):
            return ADDRESS
        taken = {r.pod_ip for r in (*self._runners.values(), *self._leaving.values())}
        before = pod.get("status", {}).get("podIP")
        if before and before not in taken and ipaddress.ip_address(before) in self._network:
            return str(before)
        limit = itertools.islice(self._addresses, self._network.num_addresses)
        return next(address for address in limit if address not in taken)

    def _prune_logs(self) -> None:
        """Keep the logs of gone pods for a reader, but not for ever."""
        logs = sorted((self._state / "logs").glob("*.log"), key=os.path.getmtime)
        for old in logs[:-KEPT_LOGS]:
            old.unlink()

    async def shutdown(self, grace: float) -> None:
        """End all processes; pods stay, for the next agent to start again."""
        await asyncio.gather(*(runner.shutdown(grace) for runner in self._runners.values()))
        await asyncio.gather(*self._leaving)
