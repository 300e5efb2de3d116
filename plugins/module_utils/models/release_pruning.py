"""Which released versions may go: the oldest, but none that is declared, packed or served."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..triton.client import (
    SERVER,
    SetupError,
    TritonClient,
    TritonError,
)
from ..triton.module import connect
from .declaration import (
    Declaration,
    ModelError,
)
from .registry import (
    released_versions,
)

PRUNING = ".pruning-"
"""Begins the name of a directory that is being removed."""
NOT_SERVED = ("", "UNAVAILABLE")
"""States of a version that a server has not loaded, and is neither loading nor unloading."""


@dataclass(frozen=True)
class Server:
    """A Triton server, and which versions it has loaded or why that is not known."""

    url: str
    loaded: set[tuple[str, int]] = field(default_factory=set)
    reason: str = ""

    @classmethod
    def ask(cls, client: TritonClient) -> Server:
        """Find out what a server has loaded."""
        try:
            loaded = {
                (entry["name"], int(entry["version"]))
                for entry in client.index()
                if entry.get("state", "") not in NOT_SERVED
            }
        except TritonError as error:
            return cls(client.url, reason=f"{client.url} does not say what it serves: {error}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return cls(client.url, reason=f"{client.url} is not a Triton server: {error!r}")
        return cls(client.url, loaded)


def clients(urls: list[str]) -> list[TritonClient]:
    """Return a client for each address.

    Raises:
        ModelError: one is not an address.
    """
    defaults = {name: option.get("default") for name, option in SERVER.items()}
    try:
        return [connect(defaults | {"url": url}) for url in urls]
    except SetupError as error:
        raise ModelError(f"served_by: {error}") from error


def needed(
    models: list[Declaration], versions: list[int], old: list[int], repository: str | None
) -> dict[int, str]:
    """Return why this side still needs old versions of one model.

    Raises:
        ModelError: the model's configuration is none.
    """
    # Imported where there is something to decide: it takes long to import.
    from .repository import (
        given_config,
        served_versions,
    )

    newest = max(models, key=lambda model: model.version)
    declared = [model.version for model in models]
    policy = served_versions(given_config(newest), declared, versions)
    reasons = {}
    for version in old:
        if version in declared:
            reasons[version] = "it is declared"
        elif version in policy:
            reasons[version] = "the declared version_policy serves it"
        elif repository and (Path(repository) / newest.name / str(version)).exists():
            reasons[version] = f"it is packed in {repository}"
    return reasons


def served(name: str, version: int, servers: list[Server]) -> str | None:
    """Return which server needs a version, or cannot say that it does not, or None."""
    for server in servers:
        if server.reason:
            return server.reason
        if (name, version) in server.loaded:
            return f"{server.url} serves it"
    return None


@dataclass(frozen=True)
class Pruning:
    """What of a registry is to be removed, and what stays although it is old."""

    releases: Path
    pruned: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, params: dict[str, Any], models: list[Declaration]) -> Pruning:
        """Decide on the versions beyond the newest ones of each declared model.

        Args:
            params: the parameters of the module model_release.
            models: what is declared, and so is released now or will be.

        Raises:
            ModelError: keep or served_by cannot be right.
        """
        keep, releases = params["keep"], Path(params["releases"])
        if keep < 1:
            raise ModelError(f"keep is {keep}: it must be at least 1")
        asked = clients(params["served_by"])
        groups: dict[str, list[Declaration]] = {}
        for model in sorted(models, key=lambda model: model.name):
            groups.setdefault(model.name, []).append(model)
        reasons: dict[tuple[str, int], str | None] = {}
        for name, group in groups.items():
            declared = {model.version for model in group}
            versions = sorted({*released_versions(releases, name), *declared})
            if old := versions[:-keep]:
                found = needed(group, versions, old, params["repository"])
                reasons |= {(name, version): found.get(version) for version in old}
        # No server is asked as long as nothing may go.
        servers = [Server.ask(client) for client in asked] if None in reasons.values() else []
        pruning = cls(releases)
        for (name, version), reason in reasons.items():
            reason = reason or served(name, version, servers)
            entry: dict[str, Any] = {"name": name, "version": version}
            if reason:
                pruning.kept.append(entry | {"reason": reason})
            else:
                pruning.pruned.append(entry)
        return pruning

    @property
    def paths(self) -> list[Path]:
        """The directories to remove."""
        return [self.releases / entry["name"] / str(entry["version"]) for entry in self.pruned]

    def apply(self) -> None:
        """Remove them, each out of sight first, so that no half of a release is ever seen."""
        for path in self.paths:
            hidden = path.rename(path.with_name(f"{PRUNING}{path.name}"))
            shutil.rmtree(hidden)
