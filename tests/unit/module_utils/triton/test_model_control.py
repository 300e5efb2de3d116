"""Loading, unloading and repairing, against a server that is a few lines of Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    SetupError,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import Case
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.model_control import (
    Model,
    covers,
    loaded,
    repaired,
    unloaded,
)
from support.triton_client import StoppedClock

CASE = {"endpoint": "generate", "body": {}, "text_output": "a"}
FILE = {"max_batch_size": 8, "parameters": {"a": {"string_value": "b"}}}


class Server:
    """A Triton with one model m that takes some looks to load and to unload."""

    def __init__(self, *, state: str = "READY", dead: bool = False, looks: int = 0) -> None:
        self.url = "http://triton:8000"
        self.passing: list[str] = []
        self.state, self.dead, self.looks = state, dead, looks
        self.served: dict[str, Any] = FILE
        self.calls: list[Any] = []
        self.refusal: str | None = None
        self.load_ends_unloading = False

    def index(self) -> list[dict[str, str]]:
        state = self.passing.pop(0) if self.passing else self.state
        if state == "ABSENT":
            return []
        reason = {"UNLOADED": "unloaded", "UNAVAILABLE": "no file"}.get(state, "")
        shown = "UNAVAILABLE" if state == "UNLOADED" else state
        return [{"name": "m", "version": "1", "state": shown, "reason": reason}]

    def config(self, _model: str, _version: str = "") -> dict[str, Any]:
        return self.served

    def ask(self, _model: str, _version: str, _case: Case) -> tuple[str | None, float]:
        if self.dead:
            raise TritonError("HTTP 500: stub is gone")
        return None, 0.001

    def load(self, _model: str, config: dict[str, Any] | None, timeout: float) -> None:
        assert timeout > 0
        if self.refusal:
            raise TritonError(self.refusal)
        self.calls.append(config or "load")
        # As Triton does: a model that is ready is left alone unless its configuration is another.
        self.dead = self.dead and self.state == "READY"
        looks = 0 if self.load_ends_unloading else self.looks
        self.passing, self.state = ["LOADING"] * looks, "READY"
        self.served = config or FILE

    def unload(self, _model: str) -> None:
        if self.refusal:
            raise TritonError(self.refusal)
        self.calls.append("unload")
        self.passing, self.state = ["UNLOADING"] * self.looks, "UNLOADED"


def model(server: Server, deadline: float = 60) -> tuple[Model, StoppedClock]:
    """Return the model, and the clock that its deadline is measured with."""
    clock = StoppedClock()
    client: Any = server
    return Model(client, "m", deadline, clock), clock


def given(**options: Any) -> dict[str, Any]:
    """Return the module's options."""
    return {"config": {}, "golden_directory": None, **options}


@pytest.fixture
def golden(tmp_path: Path) -> str:
    (tmp_path / "m" / "1").mkdir(parents=True)
    document = {"tolerance": 0, "cases": [CASE]}
    (tmp_path / "m" / "1" / "golden.json").write_text(json.dumps(document))
    return str(tmp_path)


def test_loads_and_waits() -> None:
    server = Server(state="UNLOADED", looks=2)
    m, clock = model(server)
    result = loaded(m, given(), False)
    assert (result["changed"], result["state"]) == (True, "READY")
    assert result["diff"]["before"]["state"] == "UNLOADED"
    assert server.calls == ["load"]
    assert clock.pauses == [0.2, 0.4]
    assert not loaded(m, given(), False)["changed"]


def test_model_that_is_loading_is_waited_for() -> None:
    server = Server()
    server.passing = ["LOADING", "LOADING"]
    m, _ = model(server)
    assert not loaded(m, given(), False)["changed"]
    assert server.calls == []


def test_config_takes_the_place_of_what_the_file_says() -> None:
    server = Server()
    m, _ = model(server)
    result = loaded(m, given(config={"max_batch_size": 4}), False)
    assert server.calls == [{**FILE, "max_batch_size": 4}]
    assert result["diff"] == {
        "before": {"state": "READY", "config": {"max_batch_size": 8}},
        "after": {"state": "READY", "config": {"max_batch_size": 4}},
    }
    assert not loaded(m, given(config={"max_batch_size": 4}), False)["changed"]


def test_config_of_an_unloaded_model_is_added_to_its_file() -> None:
    server = Server(state="UNLOADED")
    m, _ = model(server)
    loaded(m, given(config={"max_batch_size": 4}), False)
    assert server.calls == ["load", {**FILE, "max_batch_size": 4}]


def test_unloads_and_waits() -> None:
    server = Server(looks=2)
    m, clock = model(server)
    result = unloaded(m, given(), False)
    assert (result["changed"], result["state"]) == (True, "UNLOADED")
    assert clock.pauses == [0.2, 0.4]
    assert not unloaded(m, given(), False)["changed"]
    assert server.calls == ["unload"]


@pytest.mark.parametrize("state", ["ABSENT", "UNAVAILABLE", "UNLOADED"])
def test_what_is_not_loaded_needs_no_unloading(state: str) -> None:
    server = Server(state=state)
    result = unloaded(model(server)[0], given(), False)
    assert (result["changed"], result["state"], server.calls) == (False, state, [])


def test_model_that_answers_needs_no_repair(golden: str) -> None:
    server = Server()
    result = repaired(model(server)[0], given(golden_directory=golden), False)
    assert (result["changed"], server.calls) == (False, [])
    assert result["health"][0]["healthy"]


def test_dead_model_is_unloaded_and_loaded(golden: str) -> None:
    server = Server(dead=True, looks=1)
    result = repaired(model(server)[0], given(golden_directory=golden), False)
    assert (result["changed"], result["state"]) == (True, "READY")
    assert server.calls == ["unload", "load"]
    assert result["diff"]["before"]["ill"] == "m (does not answer: HTTP 500: stub is gone)"
    assert result["health"][0]["healthy"]


def test_unloading_that_never_ends_keeps_no_model_from_being_repaired(golden: str) -> None:
    server = Server(dead=True, looks=99)
    m, clock = model(server)
    server.load_ends_unloading = True
    assert repaired(m, given(golden_directory=golden), False)["changed"]
    assert clock.pauses == []


def test_model_that_is_not_loaded_is_only_loaded(golden: str) -> None:
    server = Server(state="UNLOADED")
    assert repaired(model(server)[0], given(golden_directory=golden), False)["changed"]
    assert server.calls == ["load"]


def test_model_that_stays_ill_is_told(golden: str) -> None:
    class Hopeless(Server):
        def load(self, _model: str, config: dict[str, Any] | None, timeout: float) -> None:
            super().load(_model, config, timeout)
            self.dead = True

    m, clock = model(Hopeless(dead=True), deadline=3)
    with pytest.raises(
        TritonError, match=r"^not healthy after it was loaded again: m \(does not answer: HTTP 500"
    ) as caught:
        repaired(m, given(golden_directory=golden), False)
    assert not caught.value.details["health"][0]["healthy"]
    assert clock.now == pytest.approx(3)


def test_model_without_golden_answers_cannot_be_repaired(tmp_path: Path, golden: str) -> None:
    (tmp_path / "m").rename(tmp_path / "n")
    with pytest.raises(SetupError, match=r"has no golden\.json of m$"):
        repaired(model(Server())[0], given(golden_directory=golden), False)


@pytest.mark.parametrize(
    ("function", "server", "options"),
    [
        (loaded, Server(state="UNLOADED"), {}),
        (loaded, Server(), {"config": {"max_batch_size": 4}}),
        (unloaded, Server(), {}),
        (repaired, Server(dead=True), {}),
    ],
)
def test_check_mode_only_reads(
    function: Any, server: Server, options: dict[str, Any], golden: str
) -> None:
    result = function(model(server)[0], given(golden_directory=golden, **options), True)
    assert result["changed"]
    assert server.calls == []


@pytest.mark.parametrize(
    ("function", "server"), [(loaded, Server(state="UNLOADED")), (unloaded, Server())]
)
def test_server_in_another_mode_is_told(function: Any, server: Server) -> None:
    server.refusal = "explicit model load / unload is not allowed if polling is enabled"
    with pytest.raises(
        SetupError, match=r"lets nobody load and unload .*--model-control-mode=explicit$"
    ):
        function(model(server)[0], given(), False)


def test_reason_of_a_failed_load_is_told() -> None:
    server = Server(state="UNLOADED")
    server.refusal = "failed to load 'm', no such file"
    with pytest.raises(TritonError, match=r"^failed to load 'm', no such file$"):
        loaded(model(server)[0], given(), False)


def test_deadline_ends_a_long_load() -> None:
    m, clock = model(Server(state="UNLOADED", looks=99), deadline=7)
    with pytest.raises(TritonError, match=r"^LOADING after it was loaded"):
        loaded(m, given(), False)
    assert clock.now == pytest.approx(7)


def test_deadline_ends_a_long_unload() -> None:
    m, clock = model(Server(looks=99), deadline=7)
    with pytest.raises(TritonError, match=r"^still UNLOADING: it has requests to answer, or"):
        unloaded(m, given(), False)
    assert clock.now == pytest.approx(7)


@pytest.mark.parametrize(
    ("served", "wanted", "found"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": {"b": "100", "c": 1}}, {"a": {"b": 100}}, True),
        ({"a": [{"count": 1, "name": "x"}]}, {"a": [{"count": 1}]}, True),
        ({"a": [{"count": 1}, {"count": 1}]}, {"a": [{"count": 1}]}, False),
        ({"a": {"b": 1}}, {"a": 1}, False),
        ({}, {"a": None}, True),
        ({"a": {}}, {"a": None}, False),
        ({}, {"a": {}}, False),
    ],
)
def test_served_configuration_covers_what_is_wanted(served: Any, wanted: Any, found: bool) -> None:
    assert covers(served, wanted) is found
