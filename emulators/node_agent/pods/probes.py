"""Probes: asking a container how it is, and when the answers count."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from ..objects import Object

Check = Callable[[], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Threshold:
    """How many like answers in a row change a probe's result, which starts unknown (None)."""

    success: int = 1
    failure: int = 3
    result: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def observe(self, passed: bool) -> bool:
        """Count one answer; return whether it is the one which reaches the threshold."""
        self._run = self._run + 1 if passed == self._last else 1
        self._last = passed
        if self._run < (self.success if passed else self.failure):
            return False
        changed = self.result != passed
        self.result = passed
        return changed


@dataclass(frozen=True)
class Answer:
    """Why one answer was bad (empty when it was good), and the result if that has changed now."""

    problem: str
    change: bool | None


async def answers(
    probe: Object, check: Check, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[Answer]:
    """Ask for ever, as the probe says. ``check`` returns why the answer is bad, or nothing."""
    threshold = Threshold(probe.get("successThreshold", 1), probe.get("failureThreshold", 3))
    seconds = probe.get("timeoutSeconds", 1)
    await sleep(probe.get("initialDelaySeconds", 0))
    while True:
        try:
            async with asyncio.timeout(seconds):
                problem = await check()
        except TimeoutError:
            problem = f"timed out after {seconds}s"
        except (OSError, ValueError) as error:
            problem = str(error)
        change = not problem if threshold.observe(not problem) else None
        yield Answer(problem, change)
        await sleep(probe.get("periodSeconds", 10))


async def http_get(action: Object, host: str, port: int) -> str:
    """Why an HTTP GET does not answer with a status from 200 to 399; raises OSError."""
    context = None
    if action.get("scheme") == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    path = action.get("path") or "/"
    host = action.get("host") or host
    headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.34", "Accept": "*/*"}
    headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or []}
    lines = [f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = (await reader.readline()).decode(errors="replace").split(maxsplit=2)
    finally:
        writer.close()
    if len(answer) < 2 or not answer[1].isdigit():
        return "the answer is not HTTP"
    status = int(answer[1])
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def tcp_socket(host: str, port: int) -> str:
    """Connect and close again; raises OSError when that fails."""
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return ""
