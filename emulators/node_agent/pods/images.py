"""The images file: which container images run as local processes, and how."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Image:
    """An image as the images file describes it, with {tag}, {root} and {pod_ip} filled in."""

    root: Path
    command: list[str]
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)


def split_reference(reference: str) -> tuple[str, str]:
    """Repository and tag of an image reference; a digest is left out, the tag may be latest."""
    match = re.fullmatch(r"(.+?)(?::([^:/@]+))?(?:@.+)?", reference)
    if not match:
        return reference, "latest"
    return match[1], match[2] or "latest"


def find(images_file: Path, reference: str, pod_ip: str) -> Image | None:
    """The image which runs locally under that reference, None when it is to be simulated.

    The file is read each time, so an image that is added becomes known without a restart.
    """
    repository, tag = split_reference(reference)
    for entry in json.loads(images_file.read_text())["images"]:
        if entry["repository"] == repository:
            known = {"tag": tag, "pod_ip": pod_ip}
            known["root"] = fill(entry["root"], known)
            return Image(
                root=Path(known["root"]),
                command=fill(entry["command"], known),
                args=fill(entry.get("args", []), known),
                env=fill(entry.get("env", {}), known),
                paths=fill(entry.get("paths", {}), known),
            )
    return None


def fill(value: Any, known: dict[str, str]) -> Any:
    """Replace {name} by its value in every string of ``value``; other braces stay."""
    if isinstance(value, str):
        for key, replacement in known.items():
            value = value.replace(f"{{{key}}}", replacement)
        return value
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    return {key: fill(item, known) for key, item in value.items()}
