"""Variables, arguments and paths as a container sees them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from node_agent.pods.environment import ConfigError, expand, resolve, rewrite

POD = {
    "metadata": {"name": "p", "namespace": "n", "labels": {"app": "triton"}},
    "spec": {"nodeName": "node"},
    "status": {"podIP": "127.10.0.7"},
}
OBJECTS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("ConfigMap", "n", "settings"): {"data": {"LEVEL": "info"}},
    ("Secret", "n", "keys"): {"data": {"token": base64.b64encode(b"s3").decode()}},
    ("Node", "", "node"): {"status": {"allocatable": {"cpu": "8"}}},
}


def lookup(kind: str, namespace: str, name: str) -> dict[str, Any] | None:
    return OBJECTS.get((kind, namespace, name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://$(HOST):8000", "http://h:8000"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(HOST)", "$(HOST)"),
        ("$HOST", "$HOST"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, {"HOST": "h"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/models", "/real/models"),
        ("/models/a/1", "/real/models/a/1"),
        ("--model-repository=/models", "--model-repository=/real/models"),
        ("/models/extra/x", "/volumes/extra/x"),
        ("/models-old", "/models-old"),
        ("s3:///models", "s3:///models"),
        ("A=/etc/x", "A=/etc/x"),
    ],
)
def test_rewrite(text: str, expected: str) -> None:
    paths = {"/models/": "/real/models", "/models/extra": "/volumes/extra"}
    assert rewrite(text, paths) == expected


def test_variables_of_every_kind() -> None:
    container = {
        "resources": {"requests": {"memory": "1.5Gi"}},
        "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "LOG_"}],
        "env": [
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "URL", "value": "http://$(IP):8000/$(LOG_LEVEL)"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            {"name": "MODELS", "value": "/models/$(APP)"},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {
                "name": "MIB",
                "valueFrom": {
                    "resourceFieldRef": {"resource": "requests.memory", "divisor": "1Mi"}
                },
            },
            {
                "name": "NONE",
                "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}},
            },
        ],
    }
    assert resolve(POD, container, lookup, {"/models": "/srv"}) == {
        "LOG_LEVEL": "info",
        "IP": "127.10.0.7",
        "APP": "triton",
        "URL": "http://127.10.0.7:8000/info",
        "KEY": "s3",
        "MODELS": "/srv/triton",
        "CPU": "8",
        "MIB": "1536",
    }


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"name": "no", "key": "k"}, 'configmap "no" not found'),
        ({"name": "settings", "key": "k"}, "couldn't find key k in ConfigMap n/settings"),
    ],
)
def test_missing_reference_is_named(reference: dict[str, str], message: str) -> None:
    container = {"env": [{"name": "X", "valueFrom": {"configMapKeyRef": reference}}]}
    with pytest.raises(ConfigError, match=message):
        resolve(POD, container, lookup, {})
