"""What a request asks for: account, region, service, operation and parameters.

moto's own routers and parsers read the request, so the names are those of botocore's model.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.backend_index import backend_url_patterns
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model, service_name_from_moto_package_name
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import NotFound

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

KEY = "aws_emulator.call"

CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/,]+)/\d+/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request"
)
ELBV2 = b"Version=2015-12-01"
SECRET = "***"


@dataclass
class Call:
    """A request to AWS; one that is not signed, or that no service has, keeps the defaults.

    ``fault`` is what a test asked to be done to it.
    """

    action: str
    service: str = "-"
    region: str = "-"
    account: str = "-"
    parameters: dict[str, Any] = field(default_factory=dict)
    operation: OperationModel | None = None
    protocol: str = ""
    fault: str | None = None


@cache
def model_of(service: str) -> ServiceModel:
    """Return botocore's model of a service by the name that its requests are signed with."""
    url = f"https://{service}.eu-west-1.amazonaws.com"
    backend = next((name for name, url_of in backend_url_patterns if url_of.match(url)), service)
    return get_service_model(service_name_from_moto_package_name(backend))


def body_of(environ: Environ) -> bytes:
    """Return the body of a request, and leave it there for the next reader."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def request_of(environ: Environ, body: bytes) -> Request:
    """Return moto's view of a request, which may read a body of its own."""
    length = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return Request({**environ, **length})


def shown(shape: Any, value: Any) -> Any:
    """Return a parameter as JSON can show it, without what botocore's model calls sensitive."""
    if getattr(shape, "metadata", {}).get("sensitive"):
        return SECRET
    if isinstance(value, dict):
        members = getattr(shape, "members", {})
        rest = getattr(shape, "value", None)
        return {name: shown(members.get(name, rest), part) for name, part in value.items()}
    if isinstance(value, list):
        return [shown(getattr(shape, "member", None), part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def parameters_of(operation: OperationModel, protocol: str, request: Request, path: Any) -> Any:
    """Return the parameters of a request: out of its path, query, headers and body."""
    parser = PROTOCOL_PARSERS[protocol](operation)
    try:
        parsed = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": path,
            }
        )
    except (RequestParserError, ValueError):
        return {}
    return shown(operation.input_shape, parsed)


def call_of(environ: Environ) -> Call:
    """Return what a request asks for, which is read once."""
    if KEY not in environ:
        environ[KEY] = read_call(environ)
    call: Call = environ[KEY]
    return call


def read_call(environ: Environ) -> Call:
    """Read what a request asks for."""
    method_and_path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    signed = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if not signed:
        return Call(method_and_path)
    service = signed["service"]
    call = Call(method_and_path, service, signed["region"], get_account_id_from(signed["key"]))
    body = body_of(environ)
    request = request_of(environ, body)
    try:
        elbv2 = service == "elasticloadbalancing" and ELBV2 in body
        model = get_service_model("elbv2") if elbv2 else model_of(service)
        call.protocol = determine_request_protocol(model, request.content_type)
        call.operation, path = get_service_router(model.service_name).match(request)
    except (NotFound, NotImplementedError, UnknownServiceError):
        return call
    call.action = call.operation.name
    call.parameters = parameters_of(call.operation, call.protocol, request, path)
    return call
