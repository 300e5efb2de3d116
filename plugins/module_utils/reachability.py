"""Try the way to a server step by step: its name, its port, TLS, and what it answers over HTTP.

Meant for the moment after a request has failed: nobody who is answered needs it.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

STEP_SECONDS = 2.0
"""How long one step may take."""
LEAST_SECONDS = 0.5
"""How long an address is waited for, however many a name has."""
PORTS = {"http": 80, "https": 443}
TLS_RECORDS = ("\x15\x03", "\x16\x03")
"""How an alert and a handshake of TLS begin."""


@dataclass(frozen=True)
class Step:
    """One step of the way, and how it ended."""

    name: str
    """name, port, tls, or the path that was asked for."""
    ok: bool
    found: str


@dataclass(frozen=True)
class Way:
    """Where a server is, and how it is to be asked."""

    parts: SplitResult
    paths: Sequence[str]
    """What to ask over HTTP, below the path of the address."""
    tls: ssl.SSLContext | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = STEP_SECONDS
    bad_from: int = 300
    """From which HTTP status on an answer is none of a server that is well."""

    @classmethod
    def of(cls, url: str, bad_from: int = 300) -> Way:
        """Read an address, to ask it for just what it names.

        Raises:
            ValueError: it is none.
        """
        try:
            parts = urlsplit(url)
            # Reading port and name checks them.
            right = parts.scheme in PORTS and parts.port != 0
            right = right and bool((parts.hostname or "").encode("idna"))
        except ValueError:
            right = False
        if not right:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8000/ready")
        asked = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(parts._replace(path="", query="", fragment=""), [asked], tls, bad_from=bad_from)

    @property
    def host(self) -> str:
        """The server's name or address."""
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        """The server's port."""
        return self.parts.port or PORTS[self.parts.scheme]

    def steps(self) -> list[Step]:
        """Try every step, and stop at the first that fails."""
        return list(self._steps())

    def _steps(self) -> Iterator[Step]:
        if not is_address(self.host):
            found = name_step(self.host, self.seconds)
            yield found
            if not found.ok:
                return
        try:
            connection = self._connect()
        except OSError as error:
            yield Step("port", False, closed_port(self.host, self.port, error, self.seconds))
            return
        connection.close()
        yield Step("port", True, f"port {self.port} of {self.host} is open")
        if self.tls:
            try:
                self._encrypted(self._connect()).close()
            except OSError as error:
                yield Step("tls", False, f"TLS: {reason(error, self.seconds)}")
                return
            yield Step("tls", True, "TLS is spoken")
        for path in self.paths:
            found = self._ask(path)
            yield found
            if not found.ok:
                return

    def _connect(self) -> socket.socket:
        # The time is for all addresses together that a name may have.
        known = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        timeout = max(LEAST_SECONDS, self.seconds / len(known))
        connection = socket.create_connection((self.host, self.port), timeout)
        connection.settimeout(self.seconds)
        return connection

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        assert self.tls is not None
        try:
            return self.tls.wrap_socket(connection, server_hostname=self.host)
        except OSError:
            connection.close()
            raise

    def _ask(self, path: str) -> Step:
        """Ask for a path: the server itself, not a proxy that the environment names."""
        full = f"{self.parts.path.rstrip('/')}{path}"
        client = http.client.HTTPConnection(self.host, self.port, timeout=self.seconds)
        try:
            client.sock = self._encrypted(self._connect()) if self.tls else self._connect()
            client.request("GET", full, headers={**self.headers, "Connection": "close"})
            answer = client.getresponse()
            body = answer.read().decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            return Step(path, False, f"GET {full}: {reason(error, self.seconds)}")
        finally:
            client.close()
        said = f" ({body.splitlines()[0]})" if answer.status >= 400 and body else ""
        return Step(path, answer.status < self.bad_from, f"GET {full}: HTTP {answer.status}{said}")


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, so that no name server is needed."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def name_step(host: str, seconds: float) -> Step:
    """Look a name up; a resolver that does not answer is waited for no longer than given."""
    answers: queue.Queue[Step] = queue.Queue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            answers.put(Step("name", False, f"the name {host} is not known ({error.strerror})"))
        else:
            text = ", ".join(sorted({str(entry[4][0]) for entry in found}))
            answers.put(Step("name", True, f"the name {host} is {text}"))

    # The system's resolver takes no time limit, so it is left alone where it is silent.
    threading.Thread(target=look_up, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return Step("name", False, f"no name server told within {seconds:g} s who {host} is")


def closed_port(host: str, port: int, error: OSError, seconds: float) -> str:
    """Say why nothing could be connected to a port."""
    where = f"port {port} of {host}"
    if isinstance(error, ConnectionRefusedError):
        return f"{where} is closed (connection refused): no program listens there"
    if isinstance(error, TimeoutError):
        silence = f"{where} gave no sign within {seconds:g} s"
        return f"{silence}: the host is down, or a firewall is between"
    return f"{where} cannot be reached ({error.strerror or error})"


def reason(error: Exception, seconds: float) -> str:
    """Say in plain words why a request over HTTP had no answer."""
    if isinstance(error, TimeoutError):
        return f"nothing came within {seconds:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, socket.gaierror):
        return f"its name is not known ({error.strerror})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            return "what answers does not speak TLS: maybe it wants an address without it"
        return f"it was broken off ({error.reason or error})"
    if isinstance(error, ConnectionError):
        return "the connection was broken off"
    if isinstance(error, http.client.BadStatusLine):
        if str(error).startswith(TLS_RECORDS):
            return "what answers speaks TLS: maybe it wants https://"
        return f"what answered is not HTTP: {str(error)[:60]!r}"
    if isinstance(error, http.client.IncompleteRead):
        return f"the answer broke off after {len(error.partial)} bytes"
    return str(error) or repr(error)


def told(steps: Sequence[Step]) -> str:
    """Return the steps as the end of a sentence, with what follows from them."""
    text = "; ".join(step.found for step in steps)
    if steps and all(step.ok for step in steps):
        text += "; so the server is there, and only that request is not answered"
    return f"Tried step by step: {text}"
