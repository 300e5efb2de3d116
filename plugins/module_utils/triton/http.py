"""Triton over HTTP, on the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from ..reachability import (
    Step,
    Way,
    reason,
)
from .client import (
    HEALTH_PATHS,
    Address,
    SetupError,
    TritonError,
    UnansweredError,
)
from .golden import (
    HEADER_LENGTH,
    Case,
    GoldenError,
    Tensor,
    read_outputs,
)

JSON = {"Content-Type": "application/json"}
GATEWAY = (502, 503, 504)
"""What a proxy answers where the server behind it does not; 503 may be Triton's own word, too."""


class HttpClient:
    """Requests to one Triton server; see TritonClient."""

    def __init__(self, address: Address) -> None:
        self.url = address.url
        self._address = address
        self._tls = tls_context(address) if address.encrypted else None

    def index(self) -> list[dict[str, str]]:
        """Return name, version, state and reason of every model version in the repository."""
        entries: list[dict[str, str]] = self._json("POST", "/v2/repository/index", {})
        return entries

    def metadata(self, model: str) -> dict[str, Any]:
        """Return a model's inputs and outputs, each with name, datatype and shape."""
        document: dict[str, Any] = self._json("GET", _path(model))
        return document

    def config(self, model: str, version: str = "") -> dict[str, Any]:
        """Return the configuration that a loaded model is served with."""
        document: dict[str, Any] = self._json("GET", f"{_path(model, version)}/config")
        return document

    def infer(self, model: str, inputs: list[Tensor]) -> list[Tensor]:
        """Ask a model, and return all its outputs."""
        # Named, the outputs come as bytes: JSON has no FP16.
        outputs = [
            Tensor(output["name"], output["datatype"], [], [])
            for output in self.metadata(model)["outputs"]
        ]
        headers, body = Case("infer", 0, inputs, outputs, {}, "").request()
        with self._answer("POST", f"{_path(model)}/infer", body, headers) as answer:
            content = answer.read()
            try:
                return read_outputs(content, answer.getheader(HEADER_LENGTH))
            except GoldenError as error:
                raise TritonError(str(error)) from error

    def generate_stream(self, model: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Ask a decoupled model, and yield its responses as they arrive."""
        sent = json.dumps(body).encode()
        with self._answer("POST", f"{_path(model)}/generate_stream", sent, JSON) as answer:
            for line in answer:
                if line.startswith(b"data:"):
                    fields = _parse(line.removeprefix(b"data:"))
                    if "error" in fields:
                        raise TritonError(fields["error"])
                    yield fields

    def ask(self, model: str, version: str, case: Case) -> tuple[str | None, float]:
        """Ask one version of a model a golden case; see TritonClient."""
        headers, body = case.request()
        started = time.monotonic()
        path = f"{_path(model, version)}/{case.endpoint}"
        with self._answer("POST", path, body, headers) as answer:
            content = answer.read()
            seconds = time.monotonic() - started
            return case.check(content, answer.getheader(HEADER_LENGTH)), seconds

    def load(self, model: str, config: dict[str, Any] | None, timeout: float) -> None:
        """Load a model, with a configuration in place of its file's if one is given."""
        document = {} if config is None else {"parameters": {"config": json.dumps(config)}}
        path = f"/v2/repository/models/{quote(model)}/load"
        with self._answer("POST", path, json.dumps(document).encode(), JSON, timeout) as answer:
            answer.read()

    def unload(self, model: str) -> None:
        """Begin to unload a model."""
        path = f"/v2/repository/models/{quote(model)}/unload"
        with self._answer("POST", path, b"{}", JSON) as answer:
            answer.read()

    def way(self) -> list[Step]:
        """Try the way to the server step by step."""
        return Way(self._address.parts, HEALTH_PATHS, self._tls, self._address.headers()).steps()

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and give its answer, to be read within the context.

        Raises:
            SetupError: the server's certificate is not trusted.
            UnansweredError: no answer, it broke off, or it is that of a proxy alone.
            TritonError: its status is not 200.
        """
        parts = self._address.parts
        timeout = timeout or self._address.timeout
        if self._tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.netloc, timeout=timeout, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
        try:
            connection.request(
                method, parts.path + path, body, {**(headers or {}), **self._address.headers()}
            )
            response = connection.getresponse()
            if response.status != 200:
                refusal = _reason(response.status, response.read())
                if response.status in GATEWAY:
                    raise UnansweredError(self.url, refusal)
                raise TritonError(refusal)
            yield response
        except ssl.SSLCertVerificationError as error:
            raise SetupError(
                f"the certificate of {self.url} is not trusted: {error.verify_message}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, ssl.SSLError) or self._may_want_certificate(error):
                hint = "" if self._address.client_cert else "; maybe it wants a client_cert"
                raise TritonError(f"{self.url} breaks off TLS: {error}{hint}") from error
            raise UnansweredError(self.url, reason(error, timeout)) from error
        finally:
            connection.close()

    def _may_want_certificate(self, error: Exception) -> bool:
        """Tell whether a server may have gone because it was shown no certificate.

        By TLS 1.3 it says so only once the request is sent, and what it says may be lost then.
        """
        return bool(
            self._tls and not self._address.client_cert and isinstance(error, ConnectionResetError)
        )

    def _json(self, method: str, path: str, document: Any = None) -> Any:
        """Send a JSON document and return the one that comes back."""
        body = None if document is None else json.dumps(document).encode()
        with self._answer(method, path, body, JSON) as answer:
            return _parse(answer.read())


def tls_context(address: Address) -> ssl.SSLContext:
    """Return how to speak TLS with a server.

    Raises:
        SetupError: a file with a certificate or key is missing or holds none.
    """
    try:
        context = ssl.create_default_context(cafile=address.ca_path)
        if not address.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if address.client_cert:
            # With no password given, an encrypted key would be asked for at the terminal.
            context.load_cert_chain(address.client_cert, address.client_key, password="")
    except OSError as error:
        raise address.unusable(error) from error
    return context


def _path(model: str, version: str = "") -> str:
    path = f"/v2/models/{quote(model)}"
    return f"{path}/versions/{version}" if version else path


def _parse(answer: bytes) -> Any:
    """Return the JSON document of an answer.

    Raises:
        TritonError: the answer is something else.
    """
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
