"""Field ownership and server-side apply."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_emulator import schema
from kubernetes_emulator.errors import ApiError
from kubernetes_emulator.writes.apply import apply, from_fields, leaves, to_fields, track_update

_NODE = schema.of_kind("apps", "v1", "Deployment")
Object = dict[str, Any]


def _deployment(replicas: int | None = None, **images: str) -> Object:
    spec: Object = {} if replicas is None else {"replicas": replicas}
    if images:
        rows = [{"name": name, "image": image} for name, image in images.items()]
        spec["template"] = {"spec": {"containers": rows}}
    head = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}
    return head | ({"spec": spec} if spec else {})


def _applied(live: Object | None, config: Object, manager: str, force: bool = False) -> Object:
    return apply(live, config, _NODE, manager, "", force, "2026-01-01T00:00:00Z")


def _owned(item: Object) -> dict[str, set[str]]:
    """Return the last words of the paths that each manager owns."""
    return {
        entry["manager"]: {path[-1] for path in from_fields(entry["fieldsV1"])}
        for entry in item["metadata"]["managedFields"]
    }


def test_fields_v1_keeps_items_of_lists_apart() -> None:
    """An item of a keyed list is named by its key, and owned beside its fields."""
    paths = {path for path, _ in leaves(_deployment(1, a="a:1"), _NODE)}
    item: Object = {".": {}, "f:name": {}, "f:image": {}}
    containers = {"f:containers": {'k:{"name":"a"}': item}}
    fields = {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": containers}}}
    assert to_fields(paths) == fields
    assert from_fields(fields) == paths


def test_ports_are_keyed_with_their_default_protocol() -> None:
    """A key that is left out has its default in the path."""
    port = {"containerPort": 80}
    spec = {"containers": [{"name": "a", "ports": [port]}]}
    paths = {path for path, _ in leaves({"spec": spec}, schema.of_kind("", "v1", "Pod"))}
    assert any('k:{"containerPort":80,"protocol":"TCP"}' in path for path in paths)


def test_two_managers_own_what_they_apply() -> None:
    """Managers of different fields do not meet, and equal values are shared."""
    one = _applied(None, _deployment(1, a="a:1"), "one")
    both = _applied(one, _deployment(1, b="b:1"), "two")
    assert both["spec"]["template"]["spec"]["containers"] == [
        {"name": "b", "image": "b:1"},
        {"name": "a", "image": "a:1"},
    ]
    assert "f:replicas" in _owned(both)["one"] & _owned(both)["two"]


def test_conflict_names_manager_and_field() -> None:
    """A change of another's field is refused, unless forced; then it changes hands."""
    one = _applied(None, _deployment(1), "one")
    with pytest.raises(ApiError) as error:
        _applied(one, _deployment(2), "two")
    assert error.value.code == 409
    assert error.value.details["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "one"',
            "field": ".spec.replicas",
        }
    ]
    forced = _applied(one, _deployment(2), "two", force=True)
    assert forced["spec"]["replicas"] == 2
    assert _owned(forced) == {"two": {"f:replicas"}}


def test_what_is_applied_no_longer_is_removed() -> None:
    """A field that its only owner leaves out goes; one that another owns as well stays."""
    one = _applied(None, _deployment(1, a="a:1", b="b:1"), "one")
    two = _applied(one, _deployment(None, b="b:1"), "two")
    last = _applied(two, _deployment(), "one")
    assert last["spec"] == {"template": {"spec": {"containers": [{"name": "b", "image": "b:1"}]}}}
    assert set(_owned(last)) == {"two"}


def test_update_takes_fields_over() -> None:
    """Whoever changes a field by an update owns it; a removed field has no owner."""
    live = _applied(None, _deployment(1, a="a:1"), "one")
    new = _deployment(3)
    managed = track_update(live, new, _NODE, "hand", "", "2026-01-01T00:00:01Z")
    assert _owned({"metadata": {"managedFields": managed}}) == {"hand": {"f:replicas"}}


def test_apply_to_an_object_without_managers() -> None:
    """Fields of an object that nobody manages yet belong to before-first-apply."""
    live = _deployment(1)
    with pytest.raises(ApiError, match="before-first-apply"):
        _applied(live, _deployment(2), "one")
    assert _owned(_applied(live, _deployment(1), "one")) == {
        "one": {"f:replicas"},
        "before-first-apply": {"f:replicas"},
    }
