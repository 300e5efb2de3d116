"""Publish validated exports as releases that never change, and remove the oldest of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..changes import change
from ..triton.golden import Golden
from . import record as model_record
from . import sbom
from .declaration import (
    Declaration,
    ModelError,
    declarations,
)
from .registry import (
    MANIFEST,
    SBOM,
    Release,
    copy,
    locked,
    released_versions,
)
from .release_content import (
    GOLDEN,
    Content,
    NotReadyError,
    collect,
    manifest_of,
)
from .release_pruning import (
    PRUNING,
    Pruning,
)

RELEASE = "ModelRelease"
"""What a plan calls a released version."""
PUBLISHING = ".publishing-"
"""Begins the name of a directory that is being written."""

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class NewRelease:
    """What is to be published as one version."""

    path: Path
    content: Content
    manifest: dict[str, Any]
    bill: str
    """The bill of materials."""

    @classmethod
    def of(
        cls, declaration: Declaration, content: Content, params: dict[str, Any], created: datetime
    ) -> NewRelease:
        """Describe a content that is to be released.

        Raises:
            ModelError: it has no golden answers, or what it was made from is not there any more.
        """
        manifest = manifest_of(declaration, content, Path(params["chdir"]), created)
        bill = sbom.render(manifest)
        manifest["sbom"] = hashlib.sha256(bill.encode()).hexdigest()
        return cls(declaration.below(Path(params["releases"])), content, manifest, bill)

    def publish(self) -> None:
        """Write the release beside its place, and put it there in one step.

        Raises:
            ModelError: a file was changed since it was looked at.
        """
        partial = self.path.with_name(f"{PUBLISHING}{self.path.name}")
        partial.mkdir(parents=True)
        try:
            for file, expected in self.content.files.items():
                copy(self.content.folder / file, partial / file, expected, 0o444)
            for file, text in ((SBOM, self.bill), (MANIFEST, model_record.dumps(self.manifest))):
                (partial / file).write_text(text)
                (partial / file).chmod(0o444)
            partial.rename(self.path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@dataclass(frozen=True)
class Step:
    """What one declared version is, and what is to be done for it."""

    declaration: Declaration
    path: Path
    state: str
    manifest: dict[str, Any]
    """Empty where it cannot be known yet, in check mode."""
    new: NewRelease | None = None

    @property
    def result(self) -> dict[str, Any]:
        """What the module returns of it."""
        return {
            "name": self.declaration.name,
            "version": self.declaration.version,
            "digest": self.manifest.get("digest"),
            "path": str(self.path),
            "random_weights": self.manifest.get("random_weights"),
            "state": self.state,
        }


def plan(
    declaration: Declaration, content: Content | None, params: dict[str, Any], created: datetime
) -> Step:
    """Compare one version with what is released.

    Args:
        declaration: the version.
        content: what is to be released; None where it is not there yet, in check mode.
        params: the module's parameters.
        created: the time of a new release.

    Raises:
        ModelError: the version is released with another content, its files were changed, or its
            number is lower than one that is released.
    """
    name, version = declaration.name, declaration.version
    path = declaration.below(Path(params["releases"]))
    if path.exists():
        release = Release.read(path)
        release.verify()
        manifest = release.manifest
        if content is None:
            same = manifest["source_digest"] == declaration.digest()
            return Step(declaration, path, "unchanged" if same else "unknown", manifest)
        files = {file for file, _ in content.files.items() ^ manifest["files"].items()}
        if files and not (files == {GOLDEN} and same_answers(path, content.folder)):
            raise ModelError(
                f"{name}: version {version} is released with the digest {release.digest}, and "
                f"what is declared now has {content.digest}. These files differ: "
                f"{', '.join(sorted(files))}. Declare it as another version"
            )
        return Step(declaration, path, "unchanged", manifest)
    # Numbers only rise. So one whose release was pruned cannot come back with another content.
    newest = max(released_versions(Path(params["releases"]), name), default=0)
    if version < newest:
        raise ModelError(
            f"{name}: version {version} is not released, but {newest} is: "
            "a new version needs a higher number"
        )
    if content is None:
        return Step(declaration, path, "released", {})
    new = NewRelease.of(declaration, content, params, created)
    return Step(declaration, path, "released", new.manifest, new)


def same_answers(released: Path, now: Path) -> bool:
    """Tell whether a release has the golden answers of now, but for the rounding of a processor."""
    before, after = Golden.read(released / GOLDEN), Golden.read(now / GOLDEN)
    return (
        before.tolerance == after.tolerance
        and [case.inputs for case in before.cases] == [case.inputs for case in after.cases]
        and [case.body for case in before.cases] == [case.body for case in after.cases]
        and not any(
            case.compare(again.outputs) or case.compare_text(again.text_output)
            for case, again in zip(before.cases, after.cases, strict=True)
        )
    )


def plan_all(params: dict[str, Any], check_mode: bool, created: datetime) -> list[Step]:
    """Look at all declared versions, before anything is written for the first.

    Raises:
        ModelError: one of them cannot be released.
    """
    steps = []
    for declaration in declarations(params):
        try:
            content = collect(declaration, Path(params["exports"]))
        except NotReadyError:
            if not check_mode:
                raise
            content = None
        steps.append(plan(declaration, content, params, created))
    return steps


def remove_rests(releases: Path) -> None:
    """Remove what runs that were interrupted have left."""
    for beginning in (PUBLISHING, PRUNING):
        for path in releases.glob(f"*/{beginning}*"):
            shutil.rmtree(path)


def run(params: dict[str, Any], check_mode: bool, diff: bool, clock: Clock = now) -> dict[str, Any]:
    """Release what is not released yet, and prune; return the module's result.

    Raises:
        ModelError: a version cannot be released, or releases cannot be written.
    """
    releases = Path(params["releases"])
    try:
        with nullcontext() if check_mode else locked(releases):
            steps = plan_all(params, check_mode, clock())
            pruning = Pruning.of(params, [step.declaration for step in steps])
            # The newest last: if this run is interrupted, the next one still finds rising numbers.
            new = sorted(
                (step for step in steps if step.state == "released"),
                key=lambda step: step.declaration.version,
            )
            differences = [
                *(
                    model_record.difference(step.path / MANIFEST, {}, step.manifest)
                    for step in new
                    if step.manifest
                ),
                *(
                    model_record.difference(path / MANIFEST, Release.read(path).manifest, {})
                    for path in pruning.paths
                ),
            ]
            if not check_mode:
                remove_rests(releases)
                for step in new:
                    assert step.new is not None
                    step.new.publish()
                pruning.apply()
    except OSError as error:
        raise ModelError(f"releases: cannot write {releases}: {error}") from error
    result: dict[str, Any] = {
        "changed": bool(new or pruning.pruned),
        "changes": [
            *(change(RELEASE, step.declaration.title, {}, step.result) for step in new),
            *(
                change(RELEASE, f"{entry['name']}/{entry['version']}", entry, {})
                for entry in pruning.pruned
            ),
        ],
        "models": [step.result for step in steps],
        "pruned": pruning.pruned,
        "kept": pruning.kept,
    }
    if diff:
        result["diff"] = differences
    return result
