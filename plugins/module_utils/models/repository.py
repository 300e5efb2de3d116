"""Pack released models into a folder that Triton serves, and keep it equal to what is declared."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import config as model_config
from .declaration import (
    Declaration,
    ModelError,
    declarations,
    sha256,
)
from .registry import (
    MANIFEST,
    Release,
    copy,
    released_versions,
)

CONFIG = "config.pbtxt"
PACKING = ".packing-"
"""Begins the name of a file that is being written."""
MODE = 0o644


@dataclass(frozen=True)
class File:
    """A file as it has to be: a copy of another one, or a text."""

    sha256: str
    source: Path | None = None
    text: str = ""

    @classmethod
    def of_text(cls, text: str) -> File:
        """Return the file that holds a text."""
        return cls(hashlib.sha256(text.encode()).hexdigest(), text=text)

    def is_at(self, path: Path) -> bool:
        """Tell whether it is there already."""
        if path.is_symlink() or not path.is_file():
            return False
        return stat.S_IMODE(path.stat().st_mode) == MODE and sha256(path) == self.sha256

    def write(self, path: Path) -> None:
        """Write it.

        Raises:
            ModelError: its source is not what was released.
        """
        if self.source:
            copy(self.source, path, self.sha256, MODE)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text)
            path.chmod(MODE)


def given_config(newest: Declaration) -> Any:
    """Return a model's configuration as it is declared, without what follows from its content.

    Raises:
        ModelError: it is no configuration.
    """
    if newest.folder is None:
        return model_config.from_dict(newest.name, newest.config)
    path = newest.folder / CONFIG
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{newest.name}: cannot read {path}: {error}") from error
    return model_config.of_folder(newest.name, text, newest.config)


def served_versions(config: Any, declared: list[int], released: list[int]) -> list[int]:
    """Return the versions that Triton is to serve by a model's version policy, the newest last.

    Without a policy these are the declared ones. A policy sees no version above them, as that one
    was rolled back, unless it names it.
    """
    policy = config.version_policy
    visible = [version for version in released if version <= max(declared)]
    match policy.WhichOneof("policy_choice"):
        case "specific":
            return sorted(policy.specific.versions)
        case "all":
            return visible
        case "latest":
            return visible[-max(policy.latest.num_versions, 1) :]
    return sorted(declared)


def check_versions(
    name: str, versions: list[int], declared: list[int], released: list[int]
) -> None:
    """Find out whether all that is to be served can be, and all that is declared will be.

    Raises:
        ModelError: a version is not released, or the version policy leaves out a declared one.
    """
    shown, served = (", ".join(map(str, each)) or "none" for each in (released, versions))
    for version in sorted({*versions, *declared} - set(released)):
        raise ModelError(f"{name}: version {version} is not released; released are: {shown}")
    for version in sorted(set(declared) - set(versions)):
        raise ModelError(
            f"{name}: version {version} is declared, but its version_policy serves only: {served}"
        )


def full_config(
    newest: Declaration, declared: list[int], releases: dict[int, Release], tensorrt: bool
) -> str:
    """Return the config.pbtxt of a model whose releases are all there.

    Raises:
        ModelError: it does not fit one of the releases.
    """
    name = newest.name
    if newest.folder:
        config = given_config(newest)
    else:
        signature = releases[newest.version].manifest["signature"]
        config = model_config.of_signature(name, newest.config, signature)
        if tensorrt:
            model_config.accelerate(name, config, newest.precision)
    if len(declared) > 1 and not config.HasField("version_policy"):
        # By itself Triton serves the newest one only.
        config.version_policy.specific.versions.extend(declared)
    for version, release in releases.items():
        if not newest.folder and release.manifest["signature"]:
            model_config.check(f"{name} {version}", config, release.manifest["signature"])
        model_config.add_release(config, version, release.digest)
        if release.manifest["random_weights"]:
            config.parameters[f"random_weights.{version}"].string_value = "true"
    return model_config.render(config)


@dataclass
class Plan:
    """All files of a repository by path, and the version directories that are awaited.

    A version is awaited in check mode only, where it would be released by then.
    """

    files: dict[str, File]
    awaited: list[str]


def add_model(
    plan: Plan, models: list[Declaration], params: dict[str, Any], check_mode: bool
) -> None:
    """Add what a repository needs of one model, given each version of it that is declared.

    Raises:
        ModelError: a version is not released, was changed, or does not fit the configuration.
    """
    folder = Path(params["releases"])
    newest = max(models, key=lambda model: model.version)
    name, declared = newest.name, sorted(model.version for model in models)
    present = released_versions(folder, name)
    awaited = set(declared) - set(present) if check_mode else set()
    released = sorted({*present, *awaited})
    versions = served_versions(given_config(newest), declared, released)
    check_versions(name, versions, declared, released)
    releases = {
        version: Release.read(folder / name / str(version))
        for version in versions
        if version not in awaited
    }
    for version, release in releases.items():
        for path, expected in release.files.items():
            plan.files[f"{name}/{version}/{path}"] = File(expected, release.path / path)
        manifest = (release.path / MANIFEST).read_text("utf-8")
        plan.files[f"{name}/{version}/{MANIFEST}"] = File.of_text(manifest)
    if awaited:
        plan.awaited += [f"{name}/{CONFIG}", *(f"{name}/{version}/" for version in sorted(awaited))]
    else:
        text = full_config(newest, declared, releases, params["tensorrt"])
        plan.files[f"{name}/{CONFIG}"] = File.of_text(text)


def make_plan(params: dict[str, Any], check_mode: bool) -> Plan:
    """Find out what the whole repository has to be.

    Raises:
        ModelError: a model cannot be packed.
    """
    groups: dict[str, list[Declaration]] = {}
    for declaration in declarations(params):
        groups.setdefault(declaration.name, []).append(declaration)
    plan = Plan({}, [])
    try:
        for models in groups.values():
            add_model(plan, models, params, check_mode)
    except OSError as error:
        raise ModelError(f"releases: cannot read {params['releases']}: {error}") from error
    return plan


def present_files(dest: Path) -> set[str]:
    """Return all files below a folder, links to folders included."""
    return {
        path.relative_to(dest).as_posix()
        for path in dest.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def is_cache(path: str, files: Iterable[str]) -> bool:
    """Tell whether Python wrote a file while Triton ran a model that lies beside it."""
    model, cache, _ = path.rpartition("/__pycache__/")
    return bool(cache) and any(file.startswith(f"{model}/") for file in files)


def write(dest: Path, files: dict[str, File], removed: list[str]) -> None:
    """Write files and remove others. All are written before the first is put in its place.

    Raises:
        ModelError: a released file was changed; the folder is as it was.
    """
    partial = {path: (dest / path).with_name(f"{PACKING}{Path(path).name}") for path in files}
    try:
        for path, file in files.items():
            file.write(partial[path])
        for path in files:
            partial[path].replace(dest / path)
        for path in removed:
            (dest / path).unlink()
    finally:
        for rest in partial.values():
            rest.unlink(missing_ok=True)
        for folder in sorted(dest.rglob("*"), reverse=True):
            if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
                folder.rmdir()


def listing(digests: dict[str, str]) -> str:
    """Return a line with path and digest for each file."""
    return "".join(f"{path} {digest[:12]}\n" for path, digest in sorted(digests.items()))


def changes_of_models(
    present: set[str], wanted: set[str], touched: list[str]
) -> list[dict[str, Any]]:
    """Return what a plan says of the models whose files are copied or removed."""

    def models(paths: Iterable[str]) -> set[str]:
        return {path.partition("/")[0] for path in paths}

    there, declared = models(present), models(wanted)
    changes: list[dict[str, Any]] = []
    for model in sorted(models(touched)):
        made: dict[str, Any] = {"action": "create", "type": "TritonModel", "name": model}
        if model not in declared:
            made["action"] = "delete"
        elif model in there:
            parts = {path.split("/")[1] for path in touched if path.startswith(f"{model}/")}
            made |= {"action": "update", "fields": sorted(parts)}
        changes.append(made)
    return changes


def differences(
    dest: Path, plan: Plan, copied: list[str], removed: list[str]
) -> list[dict[str, str]]:
    """Return the files before and after, and each config.pbtxt, as Ansible shows them."""
    replaced = [path for path in (*copied, *removed) if (dest / path).is_file()]
    pairs = {
        str(dest): (
            listing({path: sha256(dest / path) for path in replaced}),
            listing({path: plan.files[path].sha256 for path in copied if path in plan.files}),
        )
    }
    for path in (*copied, *removed):
        if Path(path).name == CONFIG and path not in plan.awaited:
            before = (dest / path).read_text("utf-8") if path in replaced else ""
            after = plan.files[path].text if path in plan.files else ""
            pairs[str(dest / path)] = (before, after)
    return [
        {"before_header": path, "after_header": path, "before": before, "after": after}
        for path, (before, after) in pairs.items()
        if before or after
    ]


def run(params: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Make dest hold the declared models and nothing else; return the module's result.

    Raises:
        ModelError: a model cannot be packed, or dest cannot be written.
    """
    dest = Path(params["dest"])
    plan = make_plan(params, check_mode)
    try:
        present = present_files(dest)
        outdated = {path: file for path, file in plan.files.items() if not file.is_at(dest / path)}
        copied = sorted([*outdated, *plan.awaited])
        wanted = plan.files.keys() | set(plan.awaited)
        removed = sorted(path for path in present - wanted if not is_cache(path, plan.files))
        result: dict[str, Any] = {
            "changed": bool(copied or removed),
            "changes": changes_of_models(present, wanted, [*copied, *removed]),
            "copied": copied,
            "removed": removed,
            "dest": str(dest),
        }
        if diff:
            result["diff"] = differences(dest, plan, copied, removed)
        if not check_mode:
            write(dest, outdated, removed)
    except OSError as error:
        raise ModelError(f"dest: cannot write {dest}: {error}") from error
    return result
