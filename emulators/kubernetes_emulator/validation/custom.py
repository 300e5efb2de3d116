"""Validation of custom resources against the structural schema of their definition.

Of the JSON Schema keywords that a CustomResourceDefinition may use, `x-kubernetes-validations`
(CEL) and `format` are not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .. import schema
from ..errors import FieldError
from ..schema import Schema

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}


def check(value: Any, node: Schema, path: str = "") -> Iterator[FieldError]:
    """Yield what is wrong with a value, as the schema declares it."""
    node = schema.resolve(node)
    if value is None and node.get("nullable"):
        return
    if not _has_type(value, node):
        name = _NAMES[type(value)]
        detail = f'{path} in body must be of type {node["type"]}: "{name}"'
        yield FieldError(path, f'Invalid value: "{name}": {detail}', "FieldValueTypeInvalid")
        return
    if "enum" in node and value not in node["enum"]:
        yield FieldError.unsupported(path, value, [str(word) for word in node["enum"]])
    match value:
        case dict():
            yield from _check_object(value, node, path)
        case list():
            yield from _check_list(value, node, path)
        case str():
            yield from _check_string(value, node, path)
        case int() | float():
            yield from _check_number(value, node, path)
    yield from _check_combinations(value, node, path)


def _has_type(value: Any, node: Schema) -> bool:
    if node.get("x-kubernetes-int-or-string"):
        return isinstance(value, (int, str)) and not isinstance(value, bool)
    declared = node.get("type")
    if declared is None:
        return True
    if isinstance(value, bool):
        return declared == "boolean"
    if declared == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[declared])


def _check_object(value: dict[str, Any], node: Schema, path: str) -> Iterator[FieldError]:
    for name in node.get("required", []):
        if name not in value:
            yield FieldError.required(f"{path}.{name}".lstrip("."))
    for name, item in value.items():
        child = schema.field(node, name)
        if child is not None and not (name == "metadata" and not path):
            yield from check(item, child, f"{path}.{name}".lstrip("."))
    if len(value) > node.get("maxProperties", len(value)):
        detail = f"must have at most {node['maxProperties']} items"
        yield FieldError(path, f"Too many: {len(value)}: {detail}", "FieldValueTooMany")
    if len(value) < node.get("minProperties", 0):
        detail = f"{path} in body should have at least {node['minProperties']} properties"
        yield FieldError.invalid(path, len(value), detail)


def _check_list(value: list[Any], node: Schema, path: str) -> Iterator[FieldError]:
    for index, item in enumerate(value):
        yield from check(item, node.get("items", {}), f"{path}[{index}]")
    if len(value) > node.get("maxItems", len(value)):
        message = f"Too many: {len(value)}: must have at most {node['maxItems']} items"
        yield FieldError(path, message, "FieldValueTooMany")
    if len(value) < node.get("minItems", 0):
        detail = f"{path} in body should have at least {node['minItems']} items"
        yield FieldError.invalid(path, len(value), detail)
    keys = node.get("x-kubernetes-list-map-keys")
    if keys or node.get("x-kubernetes-list-type") == "set":
        seen: list[Any] = []
        for index, item in enumerate(value):
            identity = {key: item.get(key) for key in keys} if keys else item
            if identity in seen:
                yield FieldError.duplicate(f"{path}[{index}]", identity)
            seen.append(identity)


def _check_string(value: str, node: Schema, path: str) -> Iterator[FieldError]:
    if len(value) > node.get("maxLength", len(value)):
        message = f"Too long: may not be more than {node['maxLength']} bytes"
        yield FieldError(path, message, "FieldValueTooLong")
    if len(value) < node.get("minLength", 0):
        detail = f"{path} in body should be at least {node['minLength']} chars long"
        yield FieldError.invalid(path, value, detail)
    if "pattern" in node and not re.search(node["pattern"], value):
        detail = f"{path} in body should match '{node['pattern']}'"
        yield FieldError.invalid(path, value, detail)


def _check_number(value: float, node: Schema, path: str) -> Iterator[FieldError]:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and (value < low or (node.get("exclusiveMinimum") and value == low)):
        word = "greater than" + ("" if node.get("exclusiveMinimum") else " or equal to")
        yield FieldError.invalid(path, value, f"{path} in body should be {word} {low}")
    if high is not None and (value > high or (node.get("exclusiveMaximum") and value == high)):
        word = "less than" + ("" if node.get("exclusiveMaximum") else " or equal to")
        yield FieldError.invalid(path, value, f"{path} in body should be {word} {high}")
    if (step := node.get("multipleOf")) and value % step:
        yield FieldError.invalid(path, value, f"{path} in body should be a multiple of {step}")


def _check_combinations(value: Any, node: Schema, path: str) -> Iterator[FieldError]:
    def fitting(name: str) -> int:
        return sum(not any(check(value, option, path)) for option in node[name])

    for option in node.get("allOf", []):
        yield from check(value, option, path)
    problem = ""
    if "anyOf" in node and not fitting("anyOf"):
        problem = "must validate at least one schema (anyOf)"
    elif "oneOf" in node and fitting("oneOf") != 1:
        problem = "must validate one and only one schema (oneOf)"
    elif "not" in node and not any(check(value, node["not"], path)):
        problem = "must not validate the schema (not)"
    if problem:
        yield FieldError.invalid(path, "", f'"{path}" {problem}')
