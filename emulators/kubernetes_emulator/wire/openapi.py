"""The OpenAPI documents that clients read: `/openapi/v3` per group version, `/openapi/v2`."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from .. import schema
from ..resources import Registry, Resource
from ..schema import PREFIX, Schema

Object = dict[str, Any]

_QUERY = ("dryRun", "fieldManager", "fieldValidation")
_ACTIONS = {"get": "get", "post": "create", "put": "update", "patch": "patch", "delete": "delete"}


def index(registry: Registry) -> Object:
    """Return the document of `/openapi/v3`: where the document of each group version is."""
    versions = {"api/v1": ("", "v1")}
    for group, names in registry.group_versions().items():
        versions |= {f"apis/{group}/{name}": (group, name) for name in names}
    paths = {}
    for path, (group, version) in versions.items():
        text = json.dumps([r.custom_schema for r in registry.in_version(group, version)])
        digest = sha256(text.encode()).hexdigest().upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def v3(registry: Registry, group: str, version: str) -> Object:
    """Return the OpenAPI v3 document of a group version."""
    schemas: dict[str, Schema] = {}
    paths: Object = {}
    for resource in registry.in_version(group, version):
        name = _definition(resource)
        if resource.custom_schema is not None:
            schemas[name] = resource.custom_schema
        _add_closure({"$ref": PREFIX + name} if name not in schemas else schemas[name], schemas)
        paths |= _paths(resource, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": schema.KUBERNETES_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def v2(registry: Registry) -> Object:
    """Return the OpenAPI v2 document of everything."""
    schemas = dict(schema.definitions())
    paths: Object = {}
    for resource in registry.all():
        name = _definition(resource)
        if resource.custom_schema is not None:
            schemas[name] = resource.custom_schema
        paths |= _paths(resource, name)
    document = {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": schema.KUBERNETES_VERSION},
        "paths": paths,
        "definitions": schemas,
    }
    return json.loads(json.dumps(document).replace(PREFIX, "#/definitions/"))


def _definition(resource: Resource) -> str:
    """Return the name of a kind's definition; a custom one is named by its reversed group."""
    if resource.custom_schema is None:
        return schema.name_of(resource.group, resource.version, resource.kind)
    words = [*reversed(resource.group.split(".")), resource.version, resource.kind]
    return ".".join(words)


def _add_closure(node: Any, found: dict[str, Schema]) -> None:
    """Add every definition that a schema refers to."""
    if isinstance(node, list):
        for item in node:
            _add_closure(item, found)
    elif isinstance(node, dict):
        name = node.get("$ref")
        if isinstance(name, str) and (name := name.removeprefix(PREFIX)) not in found:
            found[name] = schema.definitions()[name]
            _add_closure(found[name], found)
        for item in node.values():
            _add_closure(item, found)


def _paths(resource: Resource, definition: str) -> Object:
    """Return the paths of a resource, with what kubectl looks up in them."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    prefix = f"{root}/namespaces/{{namespace}}" if resource.namespaced else root
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    answer = {"content": {"application/json": {"schema": {"$ref": PREFIX + definition}}}}

    def operation(method: str) -> Object:
        names = _QUERY if method in ("post", "put", "patch") else ()
        return {
            "parameters": [
                {"name": name, "in": "query", "schema": {"type": "string"}} for name in names
            ],
            "responses": {"200": {"description": "OK"} | answer},
            "x-kubernetes-action": _ACTIONS[method],
            "x-kubernetes-group-version-kind": kind,
        }

    one = {method: operation(method) for method in ("get", "put", "patch", "delete")}
    if resource.verbs == ("create",):
        return {f"{prefix}/{resource.plural}": {"post": operation("post")}}
    many = {method: operation(method) for method in ("get", "post", "delete")}
    return {
        f"{prefix}/{resource.plural}": many,
        f"{prefix}/{resource.plural}/{{name}}": one,
    }
