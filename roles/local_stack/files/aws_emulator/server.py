"""The WSGI application: a health page, a request log, and moto behind them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import moto
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from aws_emulator import budgets, ec2, eks, iam, scheduler
from aws_emulator.call import Environ
from aws_emulator.request_log import Application, RequestLog, StartResponse


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
    application: Application = DomainDispatcherApplication(create_backend_app)
    if request_log:
        application = RequestLog(application, request_log)
    return make_server(
        "127.0.0.1",
        port,
        with_health_page(application),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
