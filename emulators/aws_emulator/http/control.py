"""Pages under ``/_emulator/`` through which a test sets how the emulated AWS behaves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from .call import Application, Environ, StartResponse, body_of


class Page(Protocol):
    """What can be shown by GET, replaced by PUT and cleared by DELETE, as JSON."""

    def show(self) -> Any:
        """Return what is set."""

    def replace(self, given: Any) -> None:
        """Set something else; raise a ValueError or TypeError if it is wrong."""

    def clear(self) -> None:
        """Go back to how the emulator starts."""


def answer(start_response: StartResponse, status: HTTPStatus, content: Any) -> Iterable[bytes]:
    """Answer a request with JSON."""
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def with_pages(application: Application, pages: Mapping[str, Page]) -> Application:
    """Serve pages by their paths; all else passes."""

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        page, method = pages.get(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        if page is None:
            return application(environ, start_response)
        try:
            if method == "PUT":
                page.replace(json.loads(body_of(environ)))
            elif method == "DELETE":
                page.clear()
        except (TypeError, ValueError) as error:
            return answer(start_response, HTTPStatus.BAD_REQUEST, {"message": str(error)})
        return answer(start_response, HTTPStatus.OK, page.show())

    return serve
