"""Client of Triton's HTTP API, on the standard library, and what health of a model means."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
"""Seconds between two rounds of questions: doubled from the first to the longest."""


class TritonError(Exception):
    """Triton refused a request, or failed to answer it. The text is Triton's reason."""


class TritonUnreachableError(TritonError):
    """Nothing answers in HTTP at the address."""


class Clock(Protocol):
    """What is used of the module `time`; a test passes its own, and sleeps 0 s."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True)
class Canary:
    """A recorded request that a healthy model answers, read from its `canary.json`."""

    endpoint: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, path: Path) -> Canary:
        """Read a canary file.

        Raises:
            ValueError: the file is not a canary.
        """
        try:
            document = json.loads(path.read_text("utf-8"))
            endpoint, headers = document["endpoint"], document.get("headers", {})
            if "body_base64" in document:
                body = base64.b64decode(document["body_base64"], validate=True)
            else:
                body = json.dumps(document["body"]).encode()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is not a canary: {error!r}") from error
        if endpoint not in ("infer", "generate", "generate_stream"):
            raise ValueError(
                f"{path} is not a canary: endpoint is {endpoint!r}, "
                "allowed are infer, generate and generate_stream"
            )
        return cls(endpoint, headers, body)


def read_canaries(directory: Path) -> dict[str, Canary]:
    """Return the canary of each model of a model repository, by model name.

    Raises:
        ValueError: the directory has no `<model>/canary.json`, or one of them is not a canary.
    """
    canaries = {path.parent.name: Canary.read(path) for path in directory.glob("*/canary.json")}
    if not canaries:
        raise ValueError(f"{directory} has no <model>/canary.json")
    return canaries


@dataclass(frozen=True)
class Event:
    """One event of a stream: its fields, and seconds from the request to its arrival."""

    fields: dict[str, Any]
    seconds: float


class TritonClient:
    """Requests to one Triton server.

    Args:
        url: base address, for instance `http://127.0.0.1:8000`.
        timeout: seconds that the server may be silent.
        clock: what latencies are measured with.
    """

    def __init__(self, url: str, timeout: float = 10.0, clock: Clock = time) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.clock = clock
        self._https = parts.scheme == "https"
        self._host = parts.netloc
        self._path = parts.path.rstrip("/")

    def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Iterator[bytes]:
        """Send a request and yield the lines of its answer.

        Raises:
            TritonUnreachableError: no answer, or it broke off.
            TritonError: the status is not 200.
        """
        connect = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = connect(self._host, timeout=self.timeout)
        try:
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            if response.status != 200:
                raise TritonError(_reason(response.status, response.read()))
            yield from response
        except (OSError, http.client.HTTPException) as error:
            raise TritonUnreachableError(f"{self.url} does not answer: {error!r}") from error
        finally:
            connection.close()

    def _json(self, method: str, path: str, document: Any = None) -> Any:
        """Send a JSON document and return the one that comes back."""
        body = None if document is None else json.dumps(document).encode()
        return _parse(self._send(method, path, body, {"Content-Type": "application/json"}))

    def index(self) -> list[dict[str, str]]:
        """Return name, version, state and reason of every model version in the repository."""
        return self._json("POST", "/v2/repository/index", {})

    def infer(self, model: str, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Ask a model with tensors in the form of the KServe protocol, and return its outputs."""
        path = f"/v2/models/{quote(model)}/infer"
        return self._json("POST", path, {"inputs": inputs})["outputs"]

    def infer_file(self, model: str, content: bytes) -> list[dict[str, Any]]:
        """Ask a model whose one input takes one BYTES element, and return its outputs.

        Raises:
            TritonError: the model takes other inputs.
        """
        inputs = self._json("GET", f"/v2/models/{quote(model)}")["inputs"]
        if len(inputs) != 1 or inputs[0]["datatype"] != "BYTES":
            given = ", ".join(f"{tensor['name']} ({tensor['datatype']})" for tensor in inputs)
            raise TritonError(f"{model} does not take one file: its inputs are {given}")
        tensor = len(content).to_bytes(4, "little") + content
        request = {
            "inputs": [
                {
                    "name": inputs[0]["name"],
                    "datatype": "BYTES",
                    "shape": [1] * len(inputs[0]["shape"]),
                    "parameters": {"binary_data_size": len(tensor)},
                }
            ]
        }
        head = json.dumps(request).encode()
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }
        lines = self._send("POST", f"/v2/models/{quote(model)}/infer", head + tensor, headers)
        return _parse(lines)["outputs"]

    def generate_stream(self, model: str, document: dict[str, Any]) -> Iterator[Event]:
        """Ask a decoupled model and yield its responses as they arrive.

        Raises:
            TritonError: an event says that the model failed.
        """
        body = json.dumps(document).encode()
        return self._events(model, body, {"Content-Type": "application/json"})

    def _events(self, model: str, body: bytes, headers: dict[str, str]) -> Iterator[Event]:
        started = self.clock.monotonic()
        path = f"/v2/models/{quote(model)}/generate_stream"
        for line in self._send("POST", path, body, headers):
            if line.startswith(b"data:"):
                fields = json.loads(line.removeprefix(b"data:"))
                if "error" in fields:
                    raise TritonError(fields["error"])
                yield Event(fields, self.clock.monotonic() - started)

    def ask(self, model: str, canary: Canary) -> float:
        """Send a model its canary and return the seconds until the whole answer was there.

        Raises:
            TritonError: the model did not answer it well.
        """
        started = self.clock.monotonic()
        if canary.endpoint == "generate_stream":
            if not list(self._events(model, canary.body, canary.headers)):
                raise TritonError("the stream ended without an event")
        else:
            path = f"/v2/models/{quote(model)}/{canary.endpoint}"
            b"".join(self._send("POST", path, canary.body, canary.headers))
        return self.clock.monotonic() - started


def _parse(lines: Iterator[bytes]) -> Any:
    """Return the JSON document of an answer.

    Raises:
        TritonError: the answer is something else.
    """
    answer = b"".join(lines)
    try:
        return json.loads(answer)
    except ValueError as error:
        raise TritonError(f"the answer is not JSON: {answer[:80]!r}") from error


def _reason(status: int, answer: bytes) -> str:
    """Take Triton's reason out of an answer that is not 200, be it JSON or an event."""
    text = answer.decode("utf-8", errors="replace").strip()
    try:
        return f"HTTP {status}: {json.loads(text.removeprefix('data:'))['error']}"
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {text or 'no reason given'}"


@dataclass(frozen=True)
class ModelHealth:
    """What is known of one model: healthy means that it answered its canary."""

    name: str
    healthy: bool
    state: str
    latency_ms: float | None
    reason: str


def model_health(
    client: TritonClient, name: str, versions: list[dict[str, str]], canary: Canary | None
) -> ModelHealth:
    """Find out the health of one model.

    Args:
        client: where to ask.
        name: the model.
        versions: the model's entries of the repository index.
        canary: what to ask it, if it has a canary.
    """
    if not versions:
        return ModelHealth(name, False, "ABSENT", None, "not in the server's model repository")
    shown = next((entry for entry in versions if entry.get("state") == "READY"), versions[0])
    state = shown.get("state") or "UNLOADED"
    if state != "READY":
        return ModelHealth(name, False, state, None, shown.get("reason") or "not loaded")
    if canary is None:
        return ModelHealth(name, False, state, None, "has no canary.json to ask it with")
    try:
        seconds = client.ask(name, canary)
    except TritonError as error:
        return ModelHealth(name, False, state, None, f"does not answer its canary: {error}")
    return ModelHealth(name, True, state, round(seconds * 1000, 1), "")


def check(
    client: TritonClient, canaries: dict[str, Canary], models: list[str]
) -> list[ModelHealth]:
    """Find out the health of models, by default of all that the server or the canaries name.

    Raises:
        ValueError: a name in models is known to neither.
        TritonError: the server does not tell its models.
    """
    index = client.index()
    known = sorted({entry["name"] for entry in index} | canaries.keys())
    if unknown := sorted(set(models) - set(known)):
        raise ValueError(f"unknown model: {', '.join(unknown)}; allowed are {', '.join(known)}")
    return [
        model_health(
            client, name, [entry for entry in index if entry["name"] == name], canaries.get(name)
        )
        for name in models or known
    ]


def wait_until_healthy(
    client: TritonClient,
    canaries: dict[str, Canary],
    models: list[str],
    deadline: float,
    clock: Clock = time,
) -> list[dict[str, Any]]:
    """Ask again and again, ever more slowly, until all models are healthy or time is up.

    Args:
        client: where to ask.
        canaries: what to ask, by model name.
        models: the models that matter; empty for all.
        deadline: seconds to wait in all; 0 asks once.
        clock: what the deadline is measured with.

    Returns:
        The health of each model, as it was found last.

    Raises:
        ValueError: a name in models is unknown.
        TritonError: the server did not tell its models before the deadline.
    """
    end = clock.monotonic() + deadline
    pause = FIRST_PAUSE
    while True:
        late = clock.monotonic() >= end
        try:
            healths = check(client, canaries, models)
            if late or all(health.healthy for health in healths):
                return [asdict(health) for health in healths]
        except TritonError:
            if late:
                raise
        clock.sleep(max(0.0, min(pause, end - clock.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)
