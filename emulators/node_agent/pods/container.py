"""One container of a pod, over all its restarts: a local process, or only its status."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import objects
from ..objects import Object
from . import environment, images, probes, process
from .environment import ConfigError, Lookup
from .images import Image
from .process import Process, StartError
from .volumes import Volumes

BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0
STABLE_SECONDS = 600.0
CONFIG_RETRY_SECONDS = 2.0
SIMULATED_START_SECONDS = 0.2
LEAST_GRACE_SECONDS = 2.0


@dataclass
class Sandbox:
    """What the containers of one pod share. ``pod`` is always its newest version."""

    pod: Object
    pod_ip: str
    images_file: Path
    state_dir: Path
    volumes: Volumes
    lookup: Lookup
    event: Callable[[str, str, str], None]
    changed: Callable[[], None]

    def file(self, folder: str, container: str, ending: str) -> Path:
        """A file of one container below the state directory."""
        name = f"{objects.namespace(self.pod)}_{objects.name(self.pod)}_{container}{ending}"
        return self.state_dir / folder / name


class Container:
    """Runs a container and keeps its status up to date."""

    def __init__(self, sandbox: Sandbox, spec: Object, *, init: bool = False) -> None:
        self.name = str(spec["name"])
        self.state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self.last_state: Object = {}
        self.restarts = 0
        self.ready = False
        self.started = False
        self._sandbox = sandbox
        self._spec = spec
        self._policy = sandbox.pod["spec"].get("restartPolicy", "Always")
        if init and self._policy == "Always":
            self._policy = "OnFailure"
        self._process: Process | None = None
        self._env: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._root = Path("/")
        self._log_start = 0
        self._id = ""

    def simulated(self) -> bool:
        """Whether no image of the images file runs in this container."""
        return self._find() is None

    def restore(self, status: Object) -> None:
        """Go on from the status which an earlier agent has left behind."""
        self.restarts = status.get("restartCount", 0)
        self.last_state = status.get("lastState") or {}
        running = (status.get("state") or {}).get("running")
        if running and not self.simulated():
            self.restarts += 1
            self.last_state = {
                "terminated": {
                    "exitCode": 137,
                    "reason": "ContainerStatusUnknown",
                    "message": "the node agent was restarted",
                    "startedAt": running["startedAt"],
                    "finishedAt": objects.utcnow(),
                }
            }

    def status(self) -> Object:
        """The ContainerStatus."""
        return {
            "name": self.name,
            "image": self._spec.get("image", ""),
            "imageID": str(self._root) if self._id.startswith("process:") else "",
            "containerID": self._id,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
        }

    def exit_code(self) -> int | None:
        """The exit code of a container which has ended, else None."""
        ended: Object = self.state.get("terminated", {})
        return ended.get("exitCode")

    async def run(self) -> None:
        """Run the container until it is not to be started again."""
        delay = 0.0
        while True:
            image = await self._pull()
            begun = time.monotonic()
            code = await (self._simulate() if image is None else self._run_once(image))
            if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                return
            if time.monotonic() - begun > STABLE_SECONDS:
                delay = 0.0
            self.last_state = self.state
            if delay:
                pod = objects.name(self._sandbox.pod)
                self._wait(
                    "CrashLoopBackOff",
                    f"back-off {delay:.0f}s restarting failed container={self.name} pod={pod}",
                )
                message = f"Back-off restarting failed container {self.name} in pod {pod}"
                self._sandbox.event("Warning", "BackOff", message)
                await asyncio.sleep(delay)
            delay = min(delay * 2 or BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS)
            self.restarts += 1

    async def stop(self, grace: float, *, hook: bool = True) -> None:
        """End the process within ``grace`` seconds: preStop, SIGTERM, SIGKILL."""
        if self._process is None:
            self._ended(0)
            return
        begun = time.monotonic()
        pre_stop = (self._spec.get("lifecycle") or {}).get("preStop")
        if pre_stop and hook and grace:
            try:
                async with asyncio.timeout(grace):
                    problem = await self._act(pre_stop)
            except OSError as error:
                problem = str(error) or f"timed out after {grace:.0f}s"
            if problem:
                self._sandbox.event(
                    "Warning", "FailedPreStopHook", f"PreStopHook failed: {problem}"
                )
        left = grace - (time.monotonic() - begun)
        await self._process.stop(max(LEAST_GRACE_SECONDS, left))
        self._ended(await self._process.wait())

    def kill(self) -> None:
        """End the process at once."""
        if self._process:
            self._process.kill()

    def _find(self) -> Image | None:
        image = self._spec.get("image", "")
        return images.find(self._sandbox.images_file, image, self._sandbox.pod_ip)

    def _wait(self, reason: str, message: str) -> None:
        self.state = {"waiting": {"reason": reason, "message": message}}
        self._sandbox.changed()

    async def _pull(self) -> Image | None:
        delay = BACK_OFF_SECONDS
        reference = self._spec.get("image", "")
        while (image := self._find()) and not image.root.exists():
            problem = f'Failed to pull image "{reference}": {image.root} does not exist'
            self._wait("ErrImagePull", problem)
            self._sandbox.event("Warning", "Failed", problem)
            await asyncio.sleep(1)
            message = f'Back-off pulling image "{reference}"'
            self._wait("ImagePullBackOff", f"{message}: ErrImagePull: {problem}")
            self._sandbox.event("Normal", "BackOff", message)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_BACK_OFF_SECONDS)
        return image

    async def _simulate(self) -> int:
        self._id = f"simulated://{objects.uid(self._sandbox.pod)}/{self.name}"
        self._runs(f"Container {self.name} is simulated: its image is not run")
        await asyncio.sleep(SIMULATED_START_SECONDS)
        self.started = self.ready = True
        self._sandbox.changed()
        if self._policy == "Always":
            await asyncio.Event().wait()
        self._ended(0)
        return 0

    async def _run_once(self, image: Image) -> int:
        try:
            self._process = await self._start(image)
        except StartError as error:
            return self._not_started(str(error))
        except OSError as error:
            return self._not_started(f"cannot write below {self._sandbox.state_dir}: {error}")
        self._id = f"process://{self._process.pid}"
        self._runs(f"Started container {self.name}")
        probing = asyncio.create_task(self._probe())
        try:
            code = await self._process.wait()
        finally:
            probing.cancel()
        self._ended(code)
        return code

    def _not_started(self, problem: str) -> int:
        self._sandbox.event("Warning", "Failed", f"Error: {problem}")
        self.state = {"running": {"startedAt": objects.utcnow()}}
        self._ended(128, "StartError", problem)
        return 128

    async def _start(self, image: Image) -> Process:
        sandbox, spec = self._sandbox, self._spec
        message_file = sandbox.file("run", self.name, ".message")
        message_file.write_bytes(b"")
        message_path = spec.get("terminationMessagePath", "/dev/termination-log")
        mounts = sandbox.volumes.mounts(sandbox.pod, spec)
        self._paths = {**image.paths, message_path: str(message_file), **mounts}
        self._root = image.root
        pod = {**sandbox.pod, "status": {**sandbox.pod.get("status", {}), "podIP": sandbox.pod_ip}}
        while True:
            try:
                own = environment.resolve(pod, spec, sandbox.lookup, self._paths)
                break
            except ConfigError as error:
                self._wait("CreateContainerConfigError", str(error))
                sandbox.event("Warning", "Failed", f"Error: {error}")
                await asyncio.sleep(CONFIG_RETRY_SECONDS)
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(image.root),
            "HOSTNAME": objects.name(pod),
            **image.env,
            **own,
            process.MARK: str(sandbox.state_dir),
        }
        command = self._words(spec.get("command") or []) or image.command
        arguments = self._words(spec.get("args") or [])
        if Path(command[0]).name == Path(image.command[0]).name:
            arguments += image.args
        log = sandbox.file("logs", self.name, ".log")
        self._log_start = log.stat().st_size if log.exists() else 0
        pid_file = sandbox.file("run", self.name, ".pid")
        return await Process.start([*command, *arguments], self._env, self._cwd(), pid_file, log)

    def _words(self, words: list[str]) -> list[str]:
        return [
            environment.expand(environment.rewrite(word, self._paths), self._env) for word in words
        ]

    def _cwd(self) -> Path:
        # Only what the container names is a path of its own; the root is one of this machine.
        given = self._spec.get("workingDir")
        return Path(environment.rewrite(given, self._paths)) if given else self._root

    def _runs(self, message: str) -> None:
        self.state = {"running": {"startedAt": objects.utcnow()}}
        self._sandbox.event("Normal", "Started", message)
        self._sandbox.changed()

    def _ended(self, code: int, reason: str = "", message: str = "") -> None:
        """Take down the end of the container, unless that is done."""
        if "running" not in self.state:
            return
        self.ready = self.started = False
        self.state = {
            "terminated": {
                "exitCode": code,
                "reason": reason or ("Error" if code else "Completed"),
                "message": message or self._message(code),
                "startedAt": self.state.get("running", {}).get("startedAt"),
                "finishedAt": objects.utcnow(),
                "containerID": self._id,
            }
        }
        self._process = None
        self._sandbox.changed()

    def _message(self, code: int) -> str:
        """What the container says about its end: its termination message or its last lines."""
        if self._process is None:
            return ""
        message_file = self._sandbox.file("run", self.name, ".message")
        message = message_file.read_text(errors="replace")[-process.TAIL_BYTES :]
        message_file.unlink()
        fall_back = self._spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if message or not code or not fall_back:
            return message
        return process.tail(self._sandbox.file("logs", self.name, ".log"), self._log_start)

    async def _probe(self) -> None:
        """Ask the startup probe until it passes, and then the others for ever."""
        await self._follow("startup")
        self.started = True
        if "readinessProbe" not in self._spec:
            self.ready = True
        self._sandbox.changed()
        await asyncio.gather(self._follow("readiness"), self._follow("liveness"))

    async def _follow(self, kind: str) -> None:
        probe = self._spec.get(f"{kind}Probe")
        if probe is None:
            return
        async for answer in probes.answers(probe, lambda: self._act(probe)):
            if answer.problem:
                message = f"{kind.capitalize()} probe failed: {answer.problem}"
                self._sandbox.event("Warning", "Unhealthy", message)
            if answer.change is None:
                continue
            if kind == "readiness":
                self.ready = answer.change
                self._sandbox.changed()
            elif not answer.change:
                message = f"Container {self.name} failed {kind} probe, will be restarted"
                self._sandbox.event("Normal", "Killing", message)
                grace = self._sandbox.pod["spec"].get("terminationGracePeriodSeconds", 30)
                await self.stop(probe.get("terminationGracePeriodSeconds", grace))
            elif kind == "startup":
                return

    async def _act(self, action: Object) -> str:
        """Do what a probe or a hook says; return what went wrong, or nothing."""
        host = self._sandbox.pod_ip
        if "httpGet" in action:
            return await probes.http_get(action["httpGet"], host, self._port(action["httpGet"]))
        if "tcpSocket" in action:
            return await probes.tcp_socket(host, self._port(action["tcpSocket"]))
        if "sleep" in action:
            await asyncio.sleep(action["sleep"]["seconds"])
            return ""
        if "exec" not in action:
            return "this node agent knows httpGet, tcpSocket, exec and sleep only"
        command = self._words(action["exec"]["command"])
        code, output = await process.run(command, self._env, self._cwd())
        return "" if code == 0 else output.strip() or f"command exited with {code}"

    def _port(self, action: Object) -> int:
        port = action["port"]
        named = {p.get("name"): p["containerPort"] for p in self._spec.get("ports") or []}
        return int(named.get(port) or port)
