"""The WSGI application: a health page, pages for tests, a request log, faults, and moto."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from pathlib import Path

import moto
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from . import budgets, iam, kms, load_balancers, logs, quotas, scheduler
from .ec2 import service as ec2
from .eks import clock
from .eks import service as eks
from .http.call import Application, Environ, StartResponse
from .http.control import Page, answer, with_pages
from .http.faults import Faults
from .http.request_log import RequestLog
from .http.scope import Scope

SERVICES = (
    budgets,
    ec2,
    eks,
    iam,
    kms,
    load_balancers,
    logs,
    quotas,
    scheduler,
)


def with_health_page(application: Application) -> Application:
    """Answer an unsigned ``GET /`` at once."""

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        unsigned = "HTTP_AUTHORIZATION" not in environ
        if not (unsigned and environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] == "/"):
            return application(environ, start_response)
        content = {"emulates": "aws", "moto": moto.__version__}
        return answer(start_response, HTTPStatus.OK, content)

    return serve


@cache
def extend_moto() -> None:
    """Correct every service, once in a process."""
    for service in SERVICES:
        service.extend()


def make_emulator(port: int, request_log: Path | None = None) -> BaseWSGIServer:
    """Return a server on 127.0.0.1 (port 0: any free one) that is bound and not yet serving."""
    extend_moto()
    faults = Faults(clock.on_time(DomainDispatcherApplication(create_backend_app)))
    scope = Scope(faults)
    application = RequestLog(scope, request_log) if request_log else scope
    pages: dict[str, Page] = {"/_emulator/faults": faults, "/_emulator/quotas": quotas.page}
    return make_server(
        "127.0.0.1",
        port,
        with_health_page(with_pages(application, pages)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
