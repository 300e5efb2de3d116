"""Loading, unloading and repairing a model of a running Triton."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .client import (
    Clock,
    SetupError,
    TritonClient,
    TritonError,
    wait,
)
from .health import (
    UNLOADED,
    Health,
    check,
    complaints,
    read_releases,
)

REFUSAL = "load / unload is not allowed"
"""What Triton answers where its models are not to be loaded and unloaded by requests."""


class Model:
    """One model of a server, and how long it may take to bring it into a state.

    Args:
        client: the server.
        name: the model.
        deadline: seconds for all that is done.
        clock: what the deadline is measured with.
    """

    def __init__(
        self, client: TritonClient, name: str, deadline: float, clock: Clock = time
    ) -> None:
        self.client = client
        self.name = name
        self.clock = clock
        self.end = clock.monotonic() + deadline

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.end - self.clock.monotonic())

    def state(self) -> tuple[str, str]:
        """Return the model's state and its reason: READY if any version is and none is loading."""
        entries = [entry for entry in self.client.index() if entry["name"] == self.name]
        found = [
            ("UNLOADED", "")
            if not entry.get("state") or entry.get("reason") == UNLOADED
            else (entry["state"], entry.get("reason", ""))
            for entry in entries
        ]
        for wanted in ("LOADING", "READY", "UNLOADING", "UNAVAILABLE"):
            for state, reason in found:
                if state == wanted:
                    return state, reason
        return ("UNLOADED", "") if found else ("ABSENT", "not in the server's model repository")

    def settled(self) -> str:
        """Wait until the model is not loading, and return its state."""
        return self._state_when(lambda state: state != "LOADING")[0]

    def _state_when(self, is_done: Callable[[str], bool]) -> tuple[str, str]:
        return wait(self.state, lambda found: is_done(found[0]), self.seconds_left, self.clock)

    def load(self, config: dict[str, Any]) -> None:
        """Load the model, and then with the keys of config in place of what its file says.

        Raises:
            TritonError: the model is not ready at the deadline.
        """
        if self.settled() != "READY" or not config:
            self._load(None)
        if config:
            self._load(self.client.config(self.name) | config)

    def _load(self, config: dict[str, Any] | None) -> None:
        # Triton answers when the model is loaded, which may take long.
        self._ask(lambda: self.client.load(self.name, config, max(1.0, self.seconds_left)))
        state, reason = self._state_when(lambda state: state == "READY")
        if state != "READY":
            raise TritonError(f"{state} after it was loaded: {reason}")

    def unload(self) -> None:
        """Begin to unload the model."""
        self._ask(lambda: self.client.unload(self.name))

    def wait_until_unloaded(self) -> str:
        """Wait until the model has answered what it has accepted, and return its state.

        Raises:
            TritonError: it is still there at the deadline.
        """
        left = ("LOADING", "READY", "UNLOADING")
        state, _ = self._state_when(lambda state: state not in left)
        if state in left:
            raise TritonError(
                f"still {state}: it has requests to answer, or its process died with some"
            )
        return state

    def _ask(self, control: Callable[[], None]) -> None:
        try:
            control()
        except TritonError as error:
            if REFUSAL in str(error):
                raise SetupError(
                    f"{self.client.url} lets nobody load and unload models: "
                    "start Triton with --model-control-mode=explicit"
                ) from error
            raise


def covers(served: Any, wanted: Any) -> bool:
    """Tell whether a served configuration has all that is wanted, and maybe more.

    Triton fills in defaults, and JSON has whole numbers of 64 bits as text.
    """
    if isinstance(wanted, dict):
        return isinstance(served, dict) and all(
            covers(served.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(served, list)
            and len(served) == len(wanted)
            and all(map(covers, served, wanted))
        )
    return str(served) == str(wanted)


def loaded(model: Model, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Have the model READY, with what config says."""
    config = params["config"]
    state = model.settled()
    served = model.client.config(model.name) if state == "READY" else {}
    before = {"state": state, "config": {key: served.get(key) for key in config}}
    if state == "READY" and covers(served, config):
        return result(model, before, before)
    if not check_mode:
        model.load(config)
    return result(model, before, {"state": "READY", "config": config})


def unloaded(model: Model, _params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Have the model not loaded."""
    state = model.settled()
    if state == "READY" and check_mode:
        return result(model, {"state": state}, {"state": "UNLOADED"})
    if state == "READY":
        model.unload()
    after = {"state": model.wait_until_unloaded()}
    return result(model, {"state": state} if state == "READY" else after, after)


def repaired(model: Model, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Have the model give its golden answers: if it does not, unload it and load it again.

    Raises:
        TritonError: it does not give them after that either.
    """
    directory = params["golden_directory"]
    releases = read_releases(Path(directory))
    if model.name not in releases:
        raise SetupError(f"{directory} has no golden.json of {model.name}")

    def look() -> list[Health]:
        return check(model.client, releases, [model.name])

    state, found = model.settled(), look()
    before, after = {"state": state, "ill": complaints(found)}, {"state": "READY", "ill": ""}
    if not before["ill"]:
        return result(model, before, before, found)
    if check_mode:
        return result(model, before, after, found)
    if state == "READY":
        # Not waited for: once a dead process was sent a request, it never ends.
        model.unload()
    model.load(params["config"])
    found = wait(look, lambda healths: not complaints(healths), model.seconds_left, model.clock)
    if ill := complaints(found):
        health = [asdict(each) for each in found]
        raise TritonError(f"not healthy after it was loaded again: {ill}", health=health)
    return result(model, before, after, found)


def result(
    model: Model, before: dict[str, Any], after: dict[str, Any], found: list[Health] | None = None
) -> dict[str, Any]:
    """Return what the module returns, changed if before and after differ."""
    health = {} if found is None else {"health": [asdict(each) for each in found]}
    return {
        "changed": before != after,
        "model": model.name,
        "state": after["state"],
        "diff": {"before": before, "after": after},
        **health,
    }


STATES = {"loaded": loaded, "unloaded": unloaded, "repaired": repaired}


def run(client: TritonClient, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Run the module triton_model.

    Raises:
        TritonError: the model cannot be brought into the state.
    """
    model = Model(client, params["model"], params["deadline"])
    return STATES[params["state"]](model, params, check_mode)
