"""OpenAPI schemas of the built-in kinds, from the package kubernetes-validate.

All schemas, those of custom resources too, are in the form of OpenAPI v3: a `$ref` names a
definition as `#/components/schemas/<name>`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

Schema = dict[str, Any]

KUBERNETES_VERSION = "v1.34.0"
PREFIX = "#/components/schemas/"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EITHER = {"x-kubernetes-int-or-string": True}


@cache
def definitions() -> dict[str, Schema]:
    """Return every definition of the built-in kinds by name."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"{KUBERNETES_VERSION}-local"
    raw = json.loads((folder / "_definitions.json").read_text())["$defs"]
    found = {name: _normalised(schema) for name, schema in raw.items()}
    found["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = dict(_EITHER)
    found["io.k8s.apimachinery.pkg.api.resource.Quantity"] = dict(_EITHER) | {"format": "quantity"}
    # Part of the list key of ports; the recorded schemas leave the default out.
    for name in ("ContainerPort", "ServicePort"):
        found[f"io.k8s.api.core.v1.{name}"]["properties"]["protocol"]["default"] = "TCP"
    return found


def _normalised(node: Any) -> Any:
    """Return `node` without the recorded `null` types and with references of OpenAPI v3."""
    if isinstance(node, list):
        return [_normalised(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _normalised(value) for key, value in node.items()}
    if isinstance(kinds := node.get("type"), list):
        result["type"] = next(kind for kind in kinds if kind != "null")
    if isinstance(reference := node.get("$ref"), str):
        result["$ref"] = PREFIX + reference.rpartition("/")[2]
    return result


@cache
def _kinds() -> dict[tuple[str, str, str], str]:
    return {
        (entry["group"], entry["version"], entry["kind"]): name
        for name, schema in definitions().items()
        for entry in schema.get("x-kubernetes-group-version-kind", [])
    }


def name_of(group: str, version: str, kind: str) -> str:
    """Return the definition's name of a built-in kind, or an empty string."""
    return _kinds().get((group, version, kind), "")


def of_kind(group: str, version: str, kind: str) -> Schema:
    """Return the schema of a built-in kind; one that says nothing where there is none."""
    return definitions().get(name_of(group, version, kind), {})


def reference(name: str) -> Schema:
    """Return a schema that refers to a definition."""
    return {"$ref": PREFIX + name}


def struct_name(schema: Schema) -> str:
    """Return the last word of the definition that `schema` refers to (`PodSpec`)."""
    return schema.get("$ref", "").rpartition(".")[2]


def resolve(schema: Schema) -> Schema:
    """Return the definition that `schema` refers to, with what `schema` adds to it."""
    while "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = definitions()[schema["$ref"].removeprefix(PREFIX)] | rest
    return schema


def field(schema: Schema, name: str) -> Schema | None:
    """Return the schema of the key `name` of an object; None where it is not declared."""
    properties = schema.get("properties", {})
    if name in properties:
        return properties[name]
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return extra
    if extra is True or is_open(schema):
        return {}
    return None


def is_open(schema: Schema) -> bool:
    """Return whether an object may hold any key."""
    return bool(schema.get("x-kubernetes-preserve-unknown-fields")) or not (
        "properties" in schema or "additionalProperties" in schema
    )
