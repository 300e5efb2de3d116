"""Strategic merge patches, as kubectl sends them."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_emulator import schema
from kubernetes_emulator.errors import ApiError
from kubernetes_emulator.writes.patches import json_patch, merge_patch, strategic_merge

_POD = schema.of_kind("", "v1", "Pod")
_CONTAINERS = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]


def _spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        pytest.param(
            _spec(containers=_CONTAINERS),
            _spec(containers=[{"name": "b", "image": "b:2"}, {"name": "c"}]),
            _spec(containers=[_CONTAINERS[0], {"name": "b", "image": "b:2"}, {"name": "c"}]),
            id="a list with a merge key is merged by it",
        ),
        pytest.param(
            _spec(containers=_CONTAINERS),
            _spec(containers=[{"name": "a", "$patch": "delete"}]),
            _spec(containers=_CONTAINERS[1:]),
            id="$patch: delete removes an item",
        ),
        pytest.param(
            _spec(containers=_CONTAINERS),
            _spec(containers=[{"$patch": "replace"}, {"name": "c"}]),
            _spec(containers=[{"name": "c"}]),
            id="$patch: replace replaces a list",
        ),
        pytest.param(
            _spec(containers=_CONTAINERS),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
            _spec(containers=_CONTAINERS[::-1]),
            id="$setElementOrder orders a list",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["x/a", "x/b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/a"], "finalizers": ["x/c"]}},
            {"metadata": {"finalizers": ["x/c", "x/b"]}},
            id="a set of scalars loses and gains items",
        ),
        pytest.param(
            _spec(tolerations=[{"key": "a"}]),
            _spec(tolerations=[{"key": "b"}]),
            _spec(tolerations=[{"key": "b"}]),
            id="a list without the strategy is replaced",
        ),
        pytest.param(
            _spec(volumes=[{"name": "v", "emptyDir": {}}]),
            _spec(volumes=[{"name": "v", "$retainKeys": ["name", "secret"], "secret": {}}]),
            _spec(volumes=[{"name": "v", "secret": {}}]),
            id="$retainKeys drops the other members of a union",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "b", "c": "d"}}},
            {"metadata": {"labels": {"a": None, "e": "f"}}},
            {"metadata": {"labels": {"c": "d", "e": "f"}}},
            id="null deletes a key of a map",
        ),
        pytest.param(
            _spec(nodeSelector={"a": "b"}),
            _spec(nodeSelector={"$patch": "replace", "c": "d"}),
            _spec(nodeSelector={"c": "d"}),
            id="$patch: replace replaces a map",
        ),
    ],
)
def test_strategic_merge(target: Any, patch: Any, result: Any) -> None:
    """Each directive does what the strategic merge patch documents."""
    assert strategic_merge(target, patch, _POD) == result


def test_strategic_merge_needs_the_merge_key() -> None:
    """An item without the merge key is refused."""
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        strategic_merge(_spec(containers=_CONTAINERS), _spec(containers=[{"image": "x"}]), _POD)


def test_merge_patch_is_rfc_7386() -> None:
    """Null deletes, an object merges, everything else replaces."""
    target = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge_patch(target, {"a": {"b": None, "c": [3]}, "d": {"e": 1}}) == {
        "a": {"c": [3]},
        "d": {"e": 1},
    }
    assert target["d"] == 1


@pytest.mark.parametrize(("operations", "code"), [({}, 400), ([{"op": "none"}], 400)])
def test_broken_json_patch(operations: Any, code: int) -> None:
    """What is no JSON patch is refused as a bad request."""
    with pytest.raises(ApiError) as error:
        json_patch({}, operations)
    assert error.value.code == code
