"""Local processes: each leads a session of its own, and none outlives the agent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
MARK = "CLUSTER_AGENT_STATE_DIR"
TAIL_BYTES = 2048
TAIL_LINES = 80


class StartError(OSError):
    """The program cannot be started."""


async def spawn(
    command: list[str], env: dict[str, str], cwd: Path, output: int
) -> asyncio.subprocess.Process:
    """Start a program, of which ``output`` (a file descriptor or PIPE) gets all that it writes.

    The calling thread must live as long as the agent: the program is killed when it ends.
    """
    program = shutil.which(command[0], path=env.get("PATH"))
    if program is None:
        raise StartError(f'exec: "{command[0]}": executable file not found in $PATH')
    if not cwd.is_dir():
        raise StartError(f"chdir to {cwd}: no such directory")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), program, *command[1:]),
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


def kill_session(pid: int) -> None:
    """Kill a process that ``spawn`` started and what it has started in its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


async def run(command: list[str], env: dict[str, str], cwd: Path) -> tuple[int, str]:
    """Run a program to its end and return its exit code and output; it is killed on cancellation.

    Raises StartError.
    """
    process = await spawn(command, env, cwd, asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        kill_session(process.pid)
    return process.returncode or 0, output.decode(errors="replace")


class Process:
    """A container's main process: its log, its pid file and its end."""

    def __init__(self, process: asyncio.subprocess.Process, pid_file: Path) -> None:
        self.pid = process.pid
        self._process = process
        try:
            pid_file.write_text(f"{process.pid}\n")
        except OSError:
            kill_session(process.pid)
            raise
        self._end = asyncio.create_task(self._reap(pid_file))

    @classmethod
    async def start(
        cls, command: list[str], env: dict[str, str], cwd: Path, pid_file: Path, log: Path
    ) -> Process:
        """Start the program, which appends to ``log``; raise OSError when that fails."""
        with log.open("ab") as output:
            return cls(await spawn(command, env, cwd, output.fileno()), pid_file)

    async def _reap(self, pid_file: Path) -> int:
        code = await self._process.wait()
        kill_session(self.pid)
        pid_file.unlink(missing_ok=True)
        return code if code >= 0 else 128 - code

    async def wait(self) -> int:
        """The exit code, once the process has ended; 128 + the number after a signal."""
        return await asyncio.shield(self._end)

    async def stop(self, grace: float) -> None:
        """Ask the process to end, and kill it after ``grace`` seconds."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        """Kill the process without asking."""
        if not self._end.done():
            kill_session(self.pid)


def tail(log: Path, start: int) -> str:
    """The end of a log from ``start`` on, as much as a termination message may hold."""
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def end_orphans(state_dir: Path) -> None:
    """Kill what an earlier agent with the same state directory has left running.

    Every process of a pod inherits a mark in its environment, so no recycled pid is hit.
    """
    deadline = time.monotonic() + 5
    while left := list(_marked(state_dir)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} of an earlier agent do not end")
        time.sleep(0.05)
    for pid_file in (state_dir / "run").glob("*.pid"):
        pid_file.unlink()


def _marked(state_dir: Path) -> Iterator[int]:
    mark = f"{MARK}={state_dir}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes().split(b"\0"):
                yield int(entry.parent.name)
