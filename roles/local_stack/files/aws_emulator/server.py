"""The WSGI application: a health page, a request log, and moto behind them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import moto
from moto.core.request import Request
from moto.core.routing import ServiceOperationRouter, get_service_router
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.exceptions import NotFound
from werkzeug.serving import BaseWSGIServer, make_server

from aws_emulator import budgets, ec2, eks, eks_clock, iam, scheduler

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

FORM = "application/x-www-form-urlencoded"


def service_of(environ: Environ) -> str:
    """Return the service of a signed request, such as ``ec2``; an unsigned one has none: ``-``."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0]
    parts = scope.split("/")
    return parts[3] if len(parts) == 5 else "-"


@cache
def router_of(service: str) -> ServiceOperationRouter:
    """Return the table from method and path to the operations of a REST service."""
    return get_service_router(service)


def action_of(environ: Environ, service: str) -> str:
    """Return the operation that a request asks for, such as ``CreateVpc``.

    The query services name it in the form, the JSON services in a header; a REST service says it
    by method and path.
    """
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith(FORM):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        return parse_qs(body.decode()).get("Action", ["-"])[0]
    method_and_path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    if service == "-":
        return method_and_path
    try:
        operation, _ = router_of(service).match(Request(environ.copy()))
    except NotFound:
        return method_and_path
    return operation.name


class RequestLog:
    """Appends time, service, action and HTTP status of each request to a file of JSON lines."""

    def __init__(self, application: Application, path: Path) -> None:
        self.application = application
        self.path = path
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, and log it with the status that the application gave."""
        service = service_of(environ)
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": service,
            "action": action_of(environ, service),
            "status": 500,
        }

        def start(status: str, *arguments: Any) -> Any:
            entry["status"] = int(status.split()[0])
            return start_response(status, *arguments)

        try:
            return self.application(environ, start)
        finally:
            with self.lock, self.path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")


def with_health_page(application: Application) -> Application:
    """Answer an unsigned ``GET /`` at once; S3's own ``GET /`` comes signed, and passes."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        unsigned = "HTTP_AUTHORIZATION" not in environ
        if not (unsigned and environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"] == "/"):
            return application(environ, start_response)
        body = json.dumps({"emulates": "aws", "moto": moto.__version__}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    return answer


def make_emulator(port: int, request_log: Path | None = None) -> BaseWSGIServer:
    """Return a server on 127.0.0.1 (port 0: any free one) that is bound and not yet serving."""
    for service in (budgets, ec2, eks, iam, scheduler):
        service.extend()
    application: Application = eks_clock.on_time(DomainDispatcherApplication(create_backend_app))
    if request_log:
        application = RequestLog(application, request_log)
    return make_server(
        "127.0.0.1",
        port,
        with_health_page(application),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
