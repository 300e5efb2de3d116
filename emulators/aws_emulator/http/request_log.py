"""The request log: one line of JSON for each request."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.parsers import ResponseParserError, create_parser
from stand_ins import disk

from .call import Application, Call, Environ, StartResponse, call_of


def error_code(call: Call, status: int, headers: list[tuple[str, str]], body: bytes) -> str:
    """Return the error code of a refusal, read as botocore's clients read it."""
    if call.operation is None:
        return "UnknownOperation"
    response = {"status_code": status, "headers": HeadersDict(headers), "body": body}
    parser = create_parser(str(call.operation.service_model.protocol))
    try:
        parsed: dict[str, Any] = parser.parse(response, call.operation.output_shape)
    except ResponseParserError:
        return str(status)  # no answer of AWS, but a page for people
    return str(parsed["Error"]["Code"])


class RequestLog:
    """Appends to a file who asked what of whom, and what came of it.

    A refusal has the error code of AWS besides the HTTP status, and a fault says that it is one.
    A request is answered even if the disk of the log is full; its line is lost then.
    """

    def __init__(self, application: Application, path: Path) -> None:
        self.application = application
        self.path = path
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request, and log it with what the application answered."""
        call = call_of(environ)
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": call.service,
            "action": call.action,
            "region": call.region,
            "account": call.account,
            "parameters": call.parameters,
            "status": 500,
        }
        answered: list[tuple[str, str]] = []

        def start(status: str, headers: list[tuple[str, str]], *arguments: Any) -> Any:
            entry["status"] = int(status.split()[0])
            answered.extend(headers)
            return start_response(status, headers, *arguments)

        try:
            answer = self.application(environ, start)
            if entry["status"] >= 400:
                answer = [b"".join(answer)]
                entry["error"] = error_code(call, entry["status"], answered, answer[0])
            return answer
        except Exception:
            entry["error"] = "500"
            raise
        finally:
            if call.fault:
                entry["fault"] = call.fault
            with self.lock, suppress(OSError):
                disk.append(self.path, json.dumps(entry))
