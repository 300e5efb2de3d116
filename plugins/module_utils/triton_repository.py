"""Keep a folder equal to the models of a Triton model repository that are to be served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.onnx_export import (
    manifest_path,
    sha256,
)


class RepositoryError(Exception):
    """The repository cannot be packed; the message says why."""


def model_files(folder: Path, models: list[str] | None = None) -> set[str]:
    """Return the files of some models, or all files, relative to a repository's folder."""
    roots = [folder] if models is None else [folder / model for model in models]
    return {
        str(path.relative_to(folder))
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def differs(source: Path, dest: Path) -> bool:
    """Tell whether dest lacks the content of source."""
    return not dest.is_file() or sha256(source) != sha256(dest)


def remove_empty_folders(folder: Path) -> None:
    """Remove the folders below folder that hold no file."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def listing(folders: dict[str, Path]) -> str:
    """Return a line with path and digest for each file, given the folder that it lies in."""
    return "".join(
        f"{file} {sha256(folder / file)[:12]}\n" for file, folder in sorted(folders.items())
    )


def run(params: dict[str, Any], check_mode: bool, diff: bool) -> dict[str, Any]:
    """Make dest hold the models and nothing else; return the module's result.

    Raises:
        RepositoryError: source has no such model, or dest cannot be written.
    """
    source, dest, models = Path(params["source"]), Path(params["dest"]), params["models"]
    for model in models:
        if not (source / model / "config.pbtxt").is_file():
            raise RepositoryError(f"models: {source} has no model {model} with a config.pbtxt")
    kept = {file for path in params["keep"] for file in (Path(path), manifest_path(Path(path)))}
    wanted, present = model_files(source, models), model_files(dest)
    removed = sorted(file for file in present - wanted if dest / file not in kept)
    copied = sorted(file for file in wanted if differs(source / file, dest / file))
    replaced = present & {*removed, *copied}
    before = listing(dict.fromkeys(replaced, dest)) if diff else ""
    if not check_mode:
        try:
            for file in removed:
                (dest / file).unlink()
            for file in copied:
                (dest / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / file, dest / file)
            remove_empty_folders(dest)
        except OSError as error:
            raise RepositoryError(f"dest: cannot write {dest}: {error}") from error
    result: dict[str, Any] = {
        "changed": bool(removed or copied),
        "copied": copied,
        "removed": removed,
        "dest": str(dest),
    }
    if diff:
        result["diff"] = {
            "before_header": str(dest),
            "after_header": str(dest),
            "before": before,
            "after": listing(dict.fromkeys(copied, source)),
        }
    return result
