"""Objects that are applied and deleted, over an API that is a dictionary."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.kubernetes_objects import (
    Objects,
    path_of,
    title_of,
)

SPACE = {"kind": "Namespace", "metadata": {"name": "a", "labels": {"x": "1"}}}
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "a"},
    "data": {"url": "aHR0cA=="},
}


class FakeApi:
    """Keeps what is applied; a deletion takes as many looks as it is told."""

    def __init__(self, *objects: dict[str, Any], looks: int = 0) -> None:
        self.objects = {path_of(each): each for each in objects}
        self.calls: list[tuple[str, str, Any]] = []
        self.going: dict[str, int] = {}
        self.looks = looks

    def __call__(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        self.calls.append((method, path, query))
        if method == "PATCH":
            labels = {"server": "set"} | body["metadata"].get("labels", {})
            after = body | {"metadata": body["metadata"] | {"labels": labels, "uid": "7"}}
            if "dryRun" not in query:
                self.objects[path] = after
            return after
        if method == "DELETE":
            self.going[path] = self.looks
        elif path in self.going:
            self.going[path] -= 1
            if self.going[path] < 0:
                self.objects.pop(path, None)
        return self.objects.get(path)


class Clock:
    """A clock that sleeping moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_paths_and_titles() -> None:
    assert (path_of(SPACE), title_of(SPACE)) == ("/api/v1/namespaces/a", "a")
    assert (path_of(SECRET), title_of(SECRET)) == ("/api/v1/namespaces/a/secrets/s", "a/s")


def test_an_object_is_created_once() -> None:
    api = FakeApi()
    objects = Objects(api, dry_run=False)
    assert objects.apply(SPACE) == [{"action": "create", "type": "Namespace", "name": "a"}]
    assert objects.apply(SPACE) == []
    assert api.calls[1][2] == {"fieldManager": "mlops.gpu_platform", "force": "true"}


def test_a_changed_field_is_named() -> None:
    objects = Objects(FakeApi(SECRET), dry_run=False)
    objects.apply(SECRET)
    changed = SECRET | {"data": {"url": "b3RoZXI="}}
    assert objects.apply(changed) == [
        {"action": "update", "type": "Secret", "name": "a/s", "fields": ["data"]}
    ]


def test_check_mode_writes_nothing_and_needs_no_namespace() -> None:
    api = FakeApi()
    objects = Objects(api, dry_run=True)
    assert [change["action"] for change in objects.apply(SECRET)] == ["create"]
    assert api.objects == {}
    assert [method for method, _, _ in api.calls] == ["GET"]


def test_check_mode_asks_the_server_what_an_update_would_make() -> None:
    api = FakeApi()
    Objects(api, dry_run=False).apply(SECRET)
    changed = SECRET | {"data": {"url": "b3RoZXI="}}
    assert [c["action"] for c in Objects(api, dry_run=True).apply(changed)] == ["update"]
    assert api.calls[-1][2]["dryRun"] == "All"
    assert api.objects[path_of(SECRET)]["data"] == SECRET["data"]


def test_a_deletion_waits_until_the_object_is_gone() -> None:
    api, clock = FakeApi(SPACE, looks=3), Clock()
    changes = Objects(api, dry_run=False, clock=clock).delete(SPACE, timeout=9)
    assert changes == [{"action": "delete", "type": "Namespace", "name": "a"}]
    assert (api.objects, clock.now) == ({}, 3)
    assert Objects(api, dry_run=False).delete(SPACE, timeout=9) == []


def test_a_deletion_that_takes_too_long_is_an_error() -> None:
    api = FakeApi(SPACE, looks=99)
    with pytest.raises(TimeoutError, match="Namespace a is still there after 5 s"):
        Objects(api, dry_run=False, clock=Clock()).delete(SPACE, timeout=5)


def test_check_mode_deletes_nothing() -> None:
    api = FakeApi(SPACE)
    assert [c["action"] for c in Objects(api, dry_run=True).delete(SPACE, timeout=9)] == ["delete"]
    assert api.objects
