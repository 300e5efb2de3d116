"""Bring a Helm release back to the last revision that was deployed.

An upgrade that fails, or is killed, leaves a revision in the state ``failed`` or ``pending-*``.
Helm refuses further upgrades over a pending one, and takes a failed one with the same values for
up to date, so both must be cleared before a release can converge.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Runs one command: argv -> exit status, standard output, standard error.
Run = Callable[[list[str]], tuple[int, str, str]]

# "superseded" was deployed once, and is what is left below a rollback that was cut short.
GOOD = ("deployed", "superseded")


class HelmError(Exception):
    """A Helm command failed; the message is Helm's own."""


@dataclass(frozen=True)
class Recovery:
    """What a release needs: a rollback to ``revision``, or without one its removal."""

    revision: int | None


def plan(history: list[dict[str, Any]]) -> Recovery | None:
    """Return what brings a release back to service, or None if its last revision is settled.

    ``history`` is the answer of ``helm history --output json``, oldest revision first.
    """
    if not history or history[-1]["status"] in ("deployed", "uninstalled"):
        return None
    for status in GOOD:
        good = [item["revision"] for item in history if item["status"] == status]
        if good:
            return Recovery(good[-1])
    return Recovery(None)


class HelmRelease:
    """One release, seen through the helm command."""

    def __init__(self, run: Run, name: str, namespace: str) -> None:
        """Address release ``name`` in ``namespace``; ``run`` runs helm's arguments."""
        self._run = run
        self._name = name
        self._namespace = namespace

    def history(self) -> list[dict[str, Any]]:
        """Return the release's revisions, oldest first, none if there is no such release."""
        status, out, error = self._helm("history", self._name, "--output=json")
        if status == 0:
            return json.loads(out)
        if "release: not found" in error:
            return []
        raise HelmError(error.strip())

    def recover(self, recovery: Recovery, timeout: int, wait: bool) -> None:
        """Carry out a plan within ``timeout`` seconds.

        With ``wait``, that includes the pods' becoming ready, or going.
        """
        if recovery.revision is None:
            arguments = ["uninstall", self._name]
        else:
            arguments = ["rollback", self._name, str(recovery.revision)]
        if wait:
            arguments.append("--wait")
        status, _, error = self._helm(*arguments, f"--timeout={timeout}s")
        if status != 0:
            raise HelmError(error.strip())

    def _helm(self, *arguments: str) -> tuple[int, str, str]:
        return self._run([*arguments, f"--namespace={self._namespace}"])
