"""Label and field selectors."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_emulator.errors import ApiError
from kubernetes_emulator.resources import Registry, Resource
from kubernetes_emulator.storage.selectors import matches, parse_fields, parse_labels


def _resource(plural: str) -> Resource:
    found = Registry().find("", "v1", plural)
    assert found
    return found


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=db", True),
        ("app!=web", False),
        ("other!=x", True),
        ("app in (api, web)", True),
        ("app notin (web)", False),
        ("app", True),
        ("!app", False),
        ("!other,app", True),
        ("size>2", True),
        ("size<2", False),
        ("example.com/x=", True),
    ],
)
def test_labels(selector: str, selected: bool) -> None:
    """Every operator selects what Kubernetes documents."""
    labels = {"app": "web", "size": "3", "example.com/x": ""}
    assert parse_labels(selector)({"metadata": {"labels": labels}}) is selected


@pytest.mark.parametrize("selector", ["a in (", "=x", "a b", "a=b=c", "size>many"])
def test_broken_label_selector(selector: str) -> None:
    """What is no selector is a bad request."""
    with pytest.raises(ApiError) as error:
        parse_labels(selector)
    assert error.value.code == 400


@pytest.mark.parametrize(
    ("plural", "selector", "item", "selected"),
    [
        ("pods", "status.phase!=Running", {"status": {"phase": "Pending"}}, True),
        ("pods", "spec.nodeName=", {"spec": {}}, True),
        ("pods", "spec.nodeName=a,metadata.name=x", {"spec": {"nodeName": "a"}}, True),
        ("nodes", "spec.unschedulable=false", {"spec": {}}, True),
        ("events", "involvedObject.name=p", {"involvedObject": {"name": "p"}}, True),
        ("events", "source=kubelet", {"involvedObject": {}, "source": {}}, False),
    ],
)
def test_fields(plural: str, selector: str, item: dict[str, Any], selected: bool) -> None:
    """The fields of each kind can be selected, absent ones as their zero value."""
    item = {"metadata": {"name": "x"}} | item
    assert parse_fields(selector, _resource(plural))(item) is selected


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_label_selector_objects(selector: Any, selected: bool) -> None:
    """None selects nothing, an empty selector everything."""
    assert matches(selector, {"app": "web"}) is selected
