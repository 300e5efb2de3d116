"""Media types: what a request's body is, and what the answer should be."""

from __future__ import annotations

import json
from typing import Any

import yaml

from ..errors import bad_request, not_acceptable, unsupported_media_type
from ..resources import Resource
from . import protobuf
from .tables import metadata_only, table

Object = dict[str, Any]

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
BODIES = (JSON, YAML, PROTOBUF)


class _YamlLoader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date is a string."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_body(body: bytes, media_type: str, accepted: tuple[str, ...]) -> Any:
    """Return the decoded body; 415 when its type is not accepted, 400 when it is broken."""
    if media_type not in accepted:
        raise unsupported_media_type(accepted)
    try:
        if media_type == PROTOBUF:
            return protobuf.decode(body)
        if media_type.endswith("yaml"):
            return yaml.load(body, Loader=_YamlLoader)
        return json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        message = f"couldn't get version/kind; {media_type} parse error: {error}"
        raise bad_request(message) from error


def negotiate(accept: str) -> tuple[str, str]:
    """Return the media type of the answer and its `as` parameter; 406 when none can be served."""
    for text in accept.split(","):
        media_type, *pairs = [word.strip() for word in text.split(";")]
        values = dict(pair.partition("=")[::2] for pair in pairs)
        shape = values.get("as", "")
        if shape and (values.get("g"), values.get("v")) != ("meta.k8s.io", "v1"):
            continue
        if media_type in ("", "*/*", "application/*", JSON):
            return JSON, shape
        if media_type == YAML:
            return YAML, shape
    raise not_acceptable(f"{JSON}, {YAML}")


def shaped(resource: Resource, item: Object, shape: str, include: str) -> Object:
    """Return an object or list as `as` wants it: itself, a Table, or metadata only.

    `include` says what of the objects a Table holds: None, Metadata or Object.
    """
    if item.get("kind") == "Status" and item.get("apiVersion") == "v1":
        return item
    items = item["items"] if item.get("kind") == f"{resource.kind}List" else None
    if shape == "Table":
        meta = {"resourceVersion": item["metadata"]["resourceVersion"]}
        rows = table(resource, [item] if items is None else items, include)
        return rows | {"metadata": meta if items is None else item["metadata"]}
    if shape.startswith("PartialObjectMetadata"):
        if items is None:
            return metadata_only(item)
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": item["metadata"],
            "items": [metadata_only(row) for row in items],
        }
    return item


def dump(body: Any, media_type: str) -> bytes:
    """Return a body as JSON or YAML."""
    if media_type == YAML:
        return yaml.safe_dump(body).encode()
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"
