"""The documents that name no resource: health, version, discovery, OpenAPI."""

from __future__ import annotations

import json
from typing import Any

from ..resources import Registry
from . import openapi

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_AGGREGATED = f"{_JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERSION = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "gitVersion": "v1.34.0+emulator",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "python",
    "platform": "linux/amd64",
}


def answer(
    words: list[str], accept: str, registry: Registry, address: str
) -> tuple[int, str, bytes]:
    """Return status code, media type and body for the words of a path."""
    if words and words[0] in ("healthz", "livez", "readyz"):
        return 200, _TEXT, b"ok"
    # A client that can read aggregated discovery names it first.
    first = accept.partition(",")[0]
    if (
        words in (["api"], ["apis"])
        and "as=APIGroupDiscoveryList" in first
        and "v=v2beta1" not in first
    ):
        return 200, _AGGREGATED, json.dumps(registry.aggregated(core=words == ["api"])).encode()
    document = _document(words, registry, address)
    if document is None:
        return 404, _TEXT, b"404 page not found\n"
    return 200, _JSON, json.dumps(document).encode()


def _document(words: list[str], registry: Registry, address: str) -> dict[str, Any] | None:
    match words:
        case ["version"]:
            return _VERSION
        case ["api"]:
            where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
            return {
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": where,
            }
        case ["apis"]:
            return registry.api_group_list()
        case ["apis", group] if group in registry.group_versions():
            return {"kind": "APIGroup", "apiVersion": "v1"} | registry.api_group(group)
        case ["api", version]:
            return registry.api_resource_list("", version)
        case ["apis", group, version]:
            return registry.api_resource_list(group, version)
        case ["openapi", "v2"]:
            return openapi.v2(registry)
        case ["openapi", "v3"]:
            return openapi.index(registry)
        case ["openapi", "v3", "api", version] if registry.in_version("", version):
            return openapi.v3(registry, "", version)
        case ["openapi", "v3", "apis", group, version] if registry.in_version(group, version):
            return openapi.v3(registry, group, version)
    return None
