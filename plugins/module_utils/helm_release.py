"""One Helm release: its history, what it lacks, and the helm commands that bring it there.

An upgrade that fails, or is killed, leaves a revision in the state ``failed`` or ``pending-*``.
Helm refuses further upgrades over a pending one, and takes a failed one with the same values for
up to date, so both must be cleared before a release can converge.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# Runs one command: argv, standard input -> exit status, standard output, standard error.
Run = Callable[[list[str], str], tuple[int, str, str]]

# "superseded" was deployed once, and is what is left below a rollback that was cut short.
GOOD = ("deployed", "superseded")
# How Go says that no connection came about. Helm calls a cluster unreachable also when credentials
# are refused, when the program that gets them is missing, or when a proxy does not answer.
NO_CONNECTION = re.compile(
    r'[Kk]ubernetes cluster unreachable: Get "[^"]*": '
    r"(dial tcp|net/http: TLS handshake timeout|context deadline exceeded)"
)
DIGEST_LENGTH = 12
"""Digits of the digest in the version of a chart that is a folder; a label holds 63 characters."""


class HelmError(Exception):
    """A Helm command failed; the message is Helm's own."""


class ClusterUnreachableError(HelmError):
    """No connection to the API server came about."""


@dataclass(frozen=True)
class Chart:
    """A chart of a repository, or in a folder, as a release names it."""

    name: str
    version: str
    repository: str = ""
    folder: str = ""

    @classmethod
    def in_folder(cls, folder: str) -> Chart:
        """Read a chart's folder; its version gets a digest of all files, so that a change shows.

        Raises:
            HelmError: there is no chart.
        """
        try:
            metadata = yaml.safe_load((Path(folder) / "Chart.yaml").read_text(encoding="utf-8"))
        except OSError as error:
            raise HelmError(f"{folder} is no folder of a chart: {error.strerror}") from error
        version = f"{metadata['version']}+{digest(Path(folder))}"
        return cls(metadata["name"], version, folder=folder)

    @property
    def title(self) -> str:
        """The name and version, as ``helm history`` writes them."""
        return f"{self.name}-{self.version}"


def digest(folder: Path) -> str:
    """Digest of the names and contents of a folder's files, without what Python compiles."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            found.update(f"{file.relative_to(folder)} {content}\n".encode())
    return found.hexdigest()[:DIGEST_LENGTH]


@dataclass(frozen=True)
class Recovery:
    """What a release needs: a rollback to ``revision``, or without one its removal."""

    revision: int | None


def plan(history: list[dict[str, Any]]) -> Recovery | None:
    """Return what brings a release back to service, or None if its last revision is settled.

    ``history`` is the answer of ``helm history --output json``, oldest revision first.
    """
    if not history or history[-1]["status"] == "deployed":
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
        try:
            found = json.loads(self._helm("history", self._name, "--output=json"))
        except HelmError as error:
            if "release: not found" in str(error):
                return []
            raise
        # A removed release whose history was kept is none.
        return [] if found[-1]["status"] == "uninstalled" else found

    def facts(self, revision: dict[str, Any]) -> dict[str, Any]:
        """Return the state, the chart and the values of one revision."""
        number = f"--revision={revision['revision']}"
        values = json.loads(self._helm("get", "values", self._name, number, "--output=json"))
        return release_facts(revision["status"], revision["chart"], values or {})

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
        self._helm(*arguments, f"--timeout={timeout}s")

    def install(self, chart: Chart, values: dict[str, Any], timeout: int, scratch: str) -> None:
        """Install or upgrade, and wait for the pods; ``scratch`` is a folder for the package."""
        self._helm(
            *("upgrade", self._name, *self._reference(chart, scratch)),
            *("--install", "--reset-values", "--values=-", "--wait", f"--timeout={timeout}s"),
            stdin=json.dumps(values),
        )

    def look_up(self, chart: Chart, scratch: str) -> None:
        """Find the chart, so that a plan fails where the installation would."""
        self._helm("show", "chart", *self._reference(chart, scratch))

    def uninstall(self, timeout: int) -> None:
        """Remove the release, and wait until its objects are gone."""
        self._helm("uninstall", self._name, "--wait", f"--timeout={timeout}s")

    def _reference(self, chart: Chart, scratch: str) -> list[str]:
        """Return helm's arguments for a chart; one in a folder is packed with its full version."""
        if not chart.folder:
            return [chart.name, f"--repo={chart.repository}", f"--version={chart.version}"]
        version = f"--version={chart.version}"
        self._helm("package", chart.folder, version, f"--destination={scratch}")
        return [f"{scratch}/{chart.title}.tgz"]

    def _helm(self, *arguments: str, stdin: str = "") -> str:
        status, out, error = self._run([*arguments, f"--namespace={self._namespace}"], stdin)
        if status == 0:
            return out
        kind = ClusterUnreachableError if NO_CONNECTION.search(error) else HelmError
        raise kind(error.strip())


def release_facts(status: str, chart: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return what a plan compares of a release, each of its values by a name of its own."""
    return {"status": status, "chart": chart} | {
        f"values.{name}": value for name, value in values.items()
    }
