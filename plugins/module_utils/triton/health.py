"""Health of served models: they give the golden answers of the releases that they claim to be."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .client import (
    Clock,
    SetupError,
    TritonClient,
    TritonError,
    UnansweredError,
    wait,
)
from .golden import Golden

UNLOADED = "unloaded"
"""Triton's reason for a version that is unavailable since nobody wants it."""


@dataclass(frozen=True)
class Release:
    """What is known of one version of a model before the server is asked."""

    golden: Golden
    digest: str | None
    """The release's digest; None where no manifest tells it."""


Releases = dict[str, dict[str, Release]]
"""By model and version."""


def read_releases(directory: Path) -> Releases:
    """Read golden.json and manifest.json of every version in a model repository.

    Raises:
        SetupError: no version has a golden.json, or a manifest has no digest.
        GoldenError: a golden.json holds no golden answers.
    """
    releases: Releases = {}
    for path in sorted(directory.glob("*/*/golden.json")):
        release = Release(Golden.read(path), read_digest(path.with_name("manifest.json")))
        releases.setdefault(path.parts[-3], {})[path.parts[-2]] = release
    if not releases:
        raise SetupError(f"{directory} has no <model>/<version>/golden.json")
    return releases


def read_digest(manifest: Path) -> str | None:
    """Return the digest in a manifest, or None if there is no such file.

    Raises:
        SetupError: the file has none.
    """
    try:
        return str(json.loads(manifest.read_bytes())["digest"])
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError) as error:
        raise SetupError(f"{manifest} has no digest: {error!r}") from error


@dataclass(frozen=True)
class Health:
    """What was found of one version of a model."""

    name: str
    version: int | None
    """None where the server has no version of the model."""
    state: str
    healthy: bool = False
    latency_ms: float | None = None
    """Of the slowest golden case."""
    digest_match: bool | None = None
    """Whether the served configuration names the release; None where that is not known."""
    golden_match: bool | None = None
    """Whether all golden answers were given; None where one was not answered at all."""
    reason: str = ""


def check(client: TritonClient, releases: Releases, models: list[str]) -> list[Health]:
    """Find out the health of models, by default of all that the server or the releases name.

    Raises:
        SetupError: a name in models is known to neither.
        TritonError: the server does not tell its models.
    """
    index = client.index()
    known = sorted({entry["name"] for entry in index} | releases.keys())
    if unknown := sorted(set(models) - set(known)):
        raise SetupError(f"unknown model: {', '.join(unknown)}; allowed are {', '.join(known)}")
    return [
        health
        for name in models or known
        for health in model_health(
            client, name, [entry for entry in index if entry["name"] == name], releases.get(name)
        )
    ]


def model_health(
    client: TritonClient,
    name: str,
    entries: list[dict[str, str]],
    releases: dict[str, Release] | None,
) -> list[Health]:
    """Find out the health of each version of a model that is loaded or should be.

    Args:
        client: where to ask.
        name: the model.
        entries: the model's entries of the repository index.
        releases: what is known of the model's versions.
    """
    if not entries:
        return [Health(name, None, "ABSENT", reason="not in the server's model repository")]
    wanted = [entry for entry in entries if is_wanted(entry)]
    if not wanted:
        return [Health(name, None, "UNLOADED", reason="not loaded")]
    return [version_health(client, name, entry, releases or {}) for entry in wanted]


def is_wanted(entry: dict[str, str]) -> bool:
    """Tell whether an entry of the repository index is loaded, or was to be loaded and failed."""
    return bool(entry.get("state")) and entry.get("reason") != UNLOADED


def version_health(
    client: TritonClient, name: str, entry: dict[str, str], releases: dict[str, Release]
) -> Health:
    """Find out the health of one version: its state, its digest, then its answers.

    Raises:
        SetupError: the server cannot be asked at all.
    """
    version, state = entry["version"], entry["state"]
    health = Health(name, int(version), state)
    if state != "READY":
        return replace(health, reason=entry.get("reason") or "not ready")
    release = releases.get(version)
    if release is None:
        return replace(health, reason=f"version {version} has no golden.json to ask it with")
    slowest = 0.0
    try:
        if release.digest is not None:
            served = served_digest(client.config(name, version), version)
            health = replace(health, digest_match=served == release.digest)
            if not health.digest_match:
                return replace(health, reason=f"serves {served}, not the release {release.digest}")
        for number, case in enumerate(release.golden.cases, start=1):
            wrong, seconds = client.ask(name, version, case)
            slowest = max(slowest, seconds)
            health = replace(health, latency_ms=round(slowest * 1000, 1))
            if wrong is not None:
                reason = f"golden case {number}: {wrong}"
                return replace(health, golden_match=False, reason=reason)
    except SetupError:
        raise
    except UnansweredError as error:
        silence = f"does not answer, though the server calls it {state}: {error.reason}"
        return replace(health, latency_ms=None, reason=silence)
    except TritonError as error:
        return replace(health, latency_ms=None, reason=f"does not answer: {error}")
    return replace(health, healthy=True, golden_match=True)


def served_digest(config: dict[str, Any], version: str) -> str:
    """Return the release's digest that a served configuration names for a version, if it does."""
    parameter = config.get("parameters", {}).get(f"release.{version}", {})
    return str(parameter.get("string_value", "no release"))


def wait_until_healthy(
    client: TritonClient,
    releases: Releases,
    models: list[str],
    deadline: float,
    clock: Clock = time,
) -> list[Health]:
    """Ask until all models are healthy or time is up.

    Args:
        client: where to ask.
        releases: what to ask.
        models: the models that matter; empty for all.
        deadline: seconds to wait in all; 0 asks once.
        clock: what the deadline is measured with.

    Returns:
        The health of each version, as it was found last.

    Raises:
        SetupError: a name in models is unknown.
        TritonError: the server did not tell its models before the deadline.
    """
    return wait(
        lambda: check(client, releases, models),
        lambda found: not complaints(found),
        deadline,
        clock,
    )


def complaints(healths: list[Health]) -> str:
    """Return what is wrong with the models that are not healthy, as one text; empty if none is."""
    return "; ".join(f"{health.name} ({health.reason})" for health in healths if not health.healthy)


def run(client: TritonClient, params: dict[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Run the module triton_health; it only reads.

    Raises:
        TritonError: a model is not healthy at the deadline.
    """
    releases = read_releases(Path(params["golden_directory"]))
    found = wait_until_healthy(client, releases, params["models"], params["deadline"])
    models = [asdict(health) for health in found]
    if ill := complaints(found):
        raise TritonError(f"not healthy: {ill}", models=models)
    return {"changed": False, "models": models}
