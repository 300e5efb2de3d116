"""Reading an object as its schema declares it: wrong types, unknown fields, nulls."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Any

from .. import schema
from ..errors import ApiError, bad_request
from ..schema import Schema

_JSON_NAMES = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    dict: "object",
    list: "array",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?")


class Decoder:
    """Decodes one object; afterwards `unknown` holds the paths of fields that it dropped."""

    def __init__(self, kind: str, version: str, custom: bool = False):
        self._kind = kind
        self._version = version
        self._custom = custom
        self.unknown: list[str] = []

    def decode(self, value: Any, node: Schema, path: str = "", parent: str = "") -> Any:
        """Return a copy of `value` without nulls and unknown fields; 400 on a wrong type.

        `parent` names the definition that holds the value. Wrong types in a custom resource are
        left for validation, as a real server does.
        """
        struct = schema.struct_name(node)
        node = schema.resolve(node)
        if not self._fits(value, node):
            if self._custom and not path.startswith("metadata"):
                return value
            raise self._mismatch(value, node, struct, parent, path)
        if isinstance(value, dict):
            return self._decode_object(value, node, path, struct or self._kind)
        if isinstance(value, list):
            items = node.get("items", {})
            return [self.decode(v, items, f"{path}[{i}]", parent) for i, v in enumerate(value)]
        return value

    def _decode_object(
        self, value: dict[str, Any], node: Schema, path: str, struct: str
    ) -> dict[str, Any]:
        # The metadata of a custom resource is as typed as that of any other object.
        custom = self._custom and not path.startswith("metadata")
        result: dict[str, Any] = {}
        for name, item in value.items():
            sub = f"{path}.{name}" if path else name
            child = schema.field(node, name)
            if child is None:
                self.unknown.append(sub)
                continue
            definition = schema.resolve(child)
            if item is None and custom and definition.get("nullable"):
                result[name] = None
            elif item is None and not custom and "additionalProperties" in node:
                # A null in a Go map of strings is the empty string.
                result |= {name: ""} if definition.get("type") == "string" else {}
            elif item is not None:
                decoded = self.decode(item, child, sub, struct)
                # Go leaves empty maps and lists out, unless they have to be given.
                is_map = isinstance(item, dict) and "additionalProperties" in definition
                empty = not decoded and (is_map or isinstance(item, list))
                if custom or not empty or name in node.get("required", []):
                    result[name] = decoded
        return result

    def _fits(self, value: Any, node: Schema) -> bool:
        if node.get("format") == "quantity" and isinstance(value, str):
            return QUANTITY.fullmatch(value) is not None
        if node.get("x-kubernetes-int-or-string"):
            return isinstance(value, (int, str, float)) and not isinstance(value, bool)
        declared = node.get("type")
        if declared is None or value is None:
            return True
        if isinstance(value, bool) and declared != "boolean":
            return False
        if declared == "integer" and isinstance(value, float) and value.is_integer():
            return True
        if node.get("format") == "byte" and isinstance(value, str):
            return _is_base64(value)
        if node.get("format") == "date-time" and isinstance(value, str):
            return re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value) is not None
        return isinstance(value, _PYTHON_TYPES[declared])

    def _mismatch(self, value: Any, node: Schema, struct: str, parent: str, path: str) -> ApiError:
        if node.get("format") == "quantity" and isinstance(value, str):
            detail = (
                "quantities must match the regular expression "
                "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            )
        elif node.get("format") == "byte" and isinstance(value, str):
            detail = f"illegal base64 data at input byte {_base64_error(value)}"
        elif node.get("format") == "date-time" and isinstance(value, str):
            detail = f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse'
        else:
            field = re.sub(r"\[\d+\]", "", path)
            wanted = node.get("format") or {"boolean": "bool"}.get(node["type"], node["type"])
            detail = (
                f"json: cannot unmarshal {_JSON_NAMES[type(value)]} into Go struct field "
                f"{parent}.{field} of type {f'v1.{struct}' if struct else wanted}"
            )
        kind = f'{self._kind} in version "{self._version}"'
        return bad_request(f"{kind} cannot be handled as a {self._kind}: {detail}")


def _is_base64(text: str) -> bool:
    try:
        b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except binascii.Error:
        return False
    return True


def _base64_error(text: str) -> int:
    match = re.match(r"[A-Za-z0-9+/]*", text)
    return match.end() if match and match.end() < len(text) else len(text) // 4 * 4
