"""A refusal as a service of AWS writes it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.serialize import get_serializer_class

from .call import Call, StartResponse


class Refusal(ServiceException):
    """An error whose code needs not be one of the service."""


def refuse(
    call: Call, status: int, code: str, message: str, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer with an error in the protocol of the service; in JSON where it has no such call."""
    headers, content = {"Content-Type": "application/json"}, json.dumps({"message": message})
    if call.operation is not None:
        headers, content = serialized(call, Refusal(code, message))
    body = content.encode()
    headers = {**headers, "Content-Length": str(len(body))}
    start_response(f"{status} Refused", [(name, str(value)) for name, value in headers.items()])
    return [body]


def serialized(call: Call, refusal: Refusal) -> tuple[dict[str, str], str]:
    """Return headers and body of a refusal in the protocol of the service."""
    operation: Any = call.operation
    serializer = get_serializer_class(operation.service_model.service_name, call.protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto warns of a code that the service does not have
        answer = serializer(operation).serialize(refusal)
    body: Any = answer["body"]
    return dict(answer["headers"]), body if isinstance(body, str) else body.decode()
