"""API errors: each becomes the `Status` object that a kube-apiserver answers with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .resources import Resource

Object = dict[str, Any]


class ApiError(Exception):
    """A request that fails; `status()` is the body of the answer."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None):
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    def status(self) -> Object:
        """Return the `Status` object of this error."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        return status | {"code": self.code}


@dataclass(frozen=True)
class FieldError:
    """One invalid field: path, what is wrong (`Required value` ...), and the cause's reason."""

    path: str
    message: str
    reason: str

    @staticmethod
    def required(path: str, detail: str = "") -> FieldError:
        """Return the error of a field that must be given."""
        message = f"Required value: {detail}" if detail else "Required value"
        return FieldError(path, message, "FieldValueRequired")

    @staticmethod
    def invalid(path: str, value: Any, detail: str) -> FieldError:
        """Return the error of a value that is not allowed."""
        return FieldError(path, f"Invalid value: {_shown(value)}: {detail}", "FieldValueInvalid")

    @staticmethod
    def unsupported(path: str, value: Any, supported: Sequence[str]) -> FieldError:
        """Return the error of a value that is none of the `supported` ones."""
        names = ", ".join(f'"{name}"' for name in supported)
        message = f"Unsupported value: {_shown(value)}: supported values: {names}"
        return FieldError(path, message, "FieldValueNotSupported")

    @staticmethod
    def duplicate(path: str, value: Any) -> FieldError:
        """Return the error of a value that occurs twice."""
        return FieldError(path, f"Duplicate value: {_shown(value)}", "FieldValueDuplicate")

    @staticmethod
    def absent(path: str, value: Any) -> FieldError:
        """Return the error of a reference to something that is not there."""
        return FieldError(path, f"Not found: {_shown(value)}", "FieldValueNotFound")

    @staticmethod
    def forbidden(path: str, detail: str) -> FieldError:
        """Return the error of a field that may not be set here."""
        return FieldError(path, f"Forbidden: {detail}", "FieldValueForbidden")


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def bad_request(message: str) -> ApiError:
    """400: the request cannot be understood."""
    return ApiError(400, "BadRequest", message)


def forbidden(
    resource: Resource, name: str, message: str, causes: list[Object] | None = None
) -> ApiError:
    """403: an admission rule refuses the request."""
    details = _details(resource, name) | ({"causes": causes} if causes else {})
    return ApiError(
        403, "Forbidden", f'{resource.qualified} "{name}" is forbidden: {message}', details
    )


def unknown_resource() -> ApiError:
    """404: the path names no resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def not_found(resource: Resource, name: str) -> ApiError:
    """404: the object does not exist."""
    return ApiError(
        404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name)
    )


def method_not_allowed() -> ApiError:
    """405: the resource has no such verb."""
    return ApiError(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )


def not_acceptable(accepted: str) -> ApiError:
    """406: no media type of the Accept header can be served."""
    return ApiError(
        406, "NotAcceptable", f"only the following media types are accepted: {accepted}"
    )


def already_exists(resource: Resource, name: str) -> ApiError:
    """409: the name is taken."""
    return ApiError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        _details(resource, name),
    )


def conflict(resource: Resource, name: str, message: str = "", named: str = "") -> ApiError:
    """409: the object is not in the state that the request expects.

    The resource goes by its own name, or by `named` where Kubernetes says its kind.
    """
    message = message or (
        "the object has been modified; please apply your changes to the latest version and "
        "try again"
    )
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {named or resource.qualified} "{name}": {message}',
        _details(resource, name) | ({"kind": named} if named else {}),
    )


def expired(message: str) -> ApiError:
    """410: the resource version is no longer known."""
    return ApiError(410, "Expired", message)


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415: the body has a format that this request cannot take."""
    return ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def invalid(resource: Resource, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422: the object breaks rules of its kind."""
    lines = [f"{error.path}: {error.message}" for error in errors]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    qualified = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"name": name} | ({"group": resource.group} if resource.group else {})
    causes = [
        {"reason": error.reason, "message": error.message, "field": error.path} for error in errors
    ]
    return ApiError(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {text}',
        details | {"kind": resource.kind, "causes": causes},
    )


def out_of_scope(what: str) -> ApiError:
    """501: a kube-apiserver serves this and the emulator does not."""
    return ApiError(
        501,
        "NotImplemented",
        f"the emulated Kubernetes API does not serve {what}: its scope is what this collection's "
        "playbooks and charts ask for (emulators/README.md)",
    )


def invalid_options(kind: str, error: FieldError) -> ApiError:
    """422: the query parameters of a request break a rule."""
    cause = {"reason": error.reason, "message": error.message, "field": error.path}
    return ApiError(
        422,
        "Invalid",
        f'{kind}.meta.k8s.io "" is invalid: {error.path}: {error.message}',
        {"group": "meta.k8s.io", "kind": kind, "causes": [cause]},
    )


def _details(resource: Resource, name: str) -> Object:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name} | group | {"kind": resource.plural}
