"""A Triton server as the modules see it: where it is, what it can be asked, and how it fails."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from ..reachability import Step
from .golden import Case, Tensor

SERVER: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 30},
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
}
"""The options of every module that talks to Triton; the fragment `triton_server` documents them."""
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
"""Seconds between two looks: doubled from the first to the longest."""
HEALTH_PATHS = ("/v2/health/live", "/v2/health/ready")
"""What Triton says of itself: that it lives, and that all its models are loaded."""

Found = TypeVar("Found")


class TritonError(Exception):
    """Triton refused or failed; the message is meant for the user.

    Args:
        message: the reason.
        details: what the module returns beside it.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class SetupError(TritonError):
    """What was asked cannot work, however long one waits."""


class UnansweredError(TritonError):
    """The server, or what is in front of it, gave no answer of Triton's.

    Args:
        url: which server.
        reason: how the request ended.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} does not answer: {reason}")
        self.reason = reason


class Clock(Protocol):
    """What is used of the module `time`; a test passes its own, and sleeps 0 s."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass(frozen=True)
class Address:
    """Where a Triton is, and how the two prove to each other who they are."""

    url: str
    parts: SplitResult
    timeout: float
    """Seconds that the server may be silent."""
    token: str | None
    ca_path: str | None
    client_cert: str | None
    client_key: str | None
    validate_certs: bool

    @classmethod
    def of(cls, params: dict[str, Any]) -> Address:
        """Read the options of SERVER as a module was given them.

        Raises:
            SetupError: they cannot be right.
        """
        url = params["url"].rstrip("/")
        try:
            parts = urlsplit(url)
            # Reading a name as one of the Internet checks it.
            right = bool((parts.hostname or "").encode("idna")) and "@" not in parts.netloc
            if parts.scheme in ("grpc", "grpcs"):
                right = right and parts.port is not None and not parts.path
            else:
                # Reading the port checks it.
                right = right and parts.scheme in ("http", "https") and parts.port != 0
        except ValueError:
            right = False
        if not right:
            raise SetupError(
                f"{params['url']!r} is not an address such as http://127.0.0.1:8000 or "
                "grpc://127.0.0.1:8001; https:// and grpcs:// are the encrypted ones"
            )
        address = cls(url, parts, **{key: params[key] for key in SERVER if key != "url"})
        if address.client_key and not address.client_cert:
            raise SetupError("client_key needs client_cert")
        if address.token is not None:
            address._check_token(address.token)
        return address

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.parts.scheme in ("https", "grpcs")

    def headers(self) -> dict[str, str]:
        """Return what is sent with every request, over gRPC as metadata."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def unusable(self, error: OSError) -> SetupError:
        """Return what to say when certificates and keys cannot be read."""
        files = [path for path in (self.ca_path, self.client_cert, self.client_key) if path]
        return SetupError(f"cannot use the certificates and keys in {', '.join(files)}: {error}")

    def _check_token(self, token: str) -> None:
        if not token.isascii() or not token.isprintable():
            raise SetupError("token has a character that cannot be sent in a header")
        if not self.encrypted and not is_loopback(self.parts.hostname or ""):
            raise SetupError(
                f"{self.url} is not encrypted, so it is not sent a token: "
                "take https:// or grpcs://, or an address of this machine itself"
            )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, without asking a name server."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TritonClient(Protocol):
    """What a Triton can be asked, over HTTP or gRPC. Every method raises TritonError."""

    url: str

    def index(self) -> list[dict[str, str]]:
        """Return name, version, state and reason of every model version in the repository."""

    def metadata(self, model: str) -> dict[str, Any]:
        """Return a model's inputs and outputs, each with name, datatype and shape."""

    def config(self, model: str, version: str = "") -> dict[str, Any]:
        """Return the configuration that a loaded model is served with."""

    def infer(self, model: str, inputs: list[Tensor]) -> list[Tensor]:
        """Ask a model, and return all its outputs."""

    def generate_stream(self, model: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Ask a decoupled model, and yield its responses as they arrive."""

    def ask(self, model: str, version: str, case: Case) -> tuple[str | None, float]:
        """Ask one version of a model a golden case.

        Returns:
            What is wrong with the answer, or None; and seconds until it was there.
        """

    def load(self, model: str, config: dict[str, Any] | None, timeout: float) -> None:
        """Load a model, with a configuration in place of its file's if one is given."""

    def unload(self, model: str) -> None:
        """Begin to unload a model."""

    def way(self) -> list[Step]:
        """Try the way to the server step by step, after it has not answered. Raises nothing."""


def wait(
    look: Callable[[], Found],
    is_done: Callable[[Found], bool],
    deadline: float,
    clock: Clock = time,
) -> Found:
    """Look again and again, ever more slowly, until it is done or time is up.

    Args:
        look: what to find out; its TritonError counts as not done.
        is_done: whether what was found is what is waited for.
        deadline: seconds to wait in all; 0 looks once.
        clock: what the deadline is measured with.

    Returns:
        What was found last.

    Raises:
        SetupError: it would never be done.
        TritonError: the last look failed.
    """
    end = clock.monotonic() + deadline
    pause = FIRST_PAUSE
    while True:
        late = clock.monotonic() >= end
        try:
            found = look()
            if late or is_done(found):
                return found
        except SetupError:
            raise
        except TritonError:
            if late:
                raise
        clock.sleep(max(0.0, min(pause, end - clock.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)
