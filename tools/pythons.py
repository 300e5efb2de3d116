"""Find the Pythons of this machine on which the platform runs. In the syntax of Python 3.6."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from machine import SetUpError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUPPORTED = ((3, 12), (3, 11), (3, 13))
"""Versions with a Python backend of Triton; first those for which nothing has to be compiled."""
NAMES = tuple(f"python{major}.{minor}" for major, minor in SUPPORTED)
PROBE = """
import sys
print(*sys.version_info[:3], sys.version_info[3], sys.base_prefix, sep="\\n")
print(getattr(sys, "_base_executable", None) or sys.executable)
"""


class Python(NamedTuple):
    """A Python as such, whatever links and virtual environments lead to it."""

    version: "tuple[int, ...]"
    prefix: str
    path: str

    def __str__(self) -> str:
        """Name it for people."""
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def supported(path: str) -> "Python | None":
    """Return what a program is, if it is a released Python on which the platform runs."""
    try:
        # Not capture_output, which Python 3.6 does not know.
        output = subprocess.check_output([path, "-c", PROBE], stderr=subprocess.DEVNULL, timeout=20)
        major, minor, micro, level, prefix, executable = output.decode().splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # Such as a shim of pyenv for a version that is not chosen.
    version = (int(major), int(minor), int(micro))
    if version[:2] not in SUPPORTED or level != "final":
        return None
    return Python(version, prefix, executable)


def candidates(names: "Iterable[str]", folders: "Iterable[str]") -> "Iterator[Python]":
    """Yield each supported Python once that has one of the names in one of the folders."""
    seen = set()
    for name in names:
        for path in (str(Path(folder, name)) for folder in folders):
            python = supported(path) if os.access(path, os.X_OK) else None
            if python and python[:2] not in seen:
                seen.add(python[:2])
                yield python


def search_path() -> "list[str]":
    """Return the folders of PATH, and the one of the system's own programs."""
    return [folder for folder in os.get_exec_path() if folder] + ["/usr/bin"]


def installed() -> "list[Python]":
    """Return every supported Python here, the oldest first: PATH's, pyenv's and hosted runners'."""
    folders = [
        *search_path(),
        *map(str, Path.home().glob(".pyenv/versions/*/bin")),
        *map(str, Path("/opt/hostedtoolcache/Python").glob("*/*/bin")),
    ]
    return sorted(candidates([*NAMES, "python3"], folders))


def in_use() -> Python:
    """Return the Python that runs this, or on which its virtual environment is based."""
    version, prefix = tuple(sys.version_info[:3]), sys.base_prefix
    return Python(version, prefix, getattr(sys, "_base_executable", None) or sys.executable)


def go_on_with_a_supported_one() -> None:
    """Replace this process by one of a supported Python, unless it is one.

    Raises:
        SetUpError: there is none; with what to install.
    """
    if sys.version_info[:2] in SUPPORTED and sys.version_info[3] == "final":
        return
    this = "Python " + ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[3] != "final":
        this += f", a pre-release ({sys.version_info[3]})"
    python = next(candidates([*NAMES, "python3"], search_path()), None)
    if python is None:
        raise SetUpError(
            f"this is {this}, and the local Triton needs a release of 3.11, 3.12 or 3.13: "
            + how_to_get_one()
        )
    print(f"set-up: the local Triton has nothing for {this}: on with {python}", flush=True)
    os.execv(python.path, [python.path, *sys.argv])


def how_to_get_one() -> str:
    """Tell what to type for a supported Python: with apt, where it soon says that it has one."""
    try:
        output = subprocess.check_output(
            ["apt-cache", "policy", *NAMES],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            timeout=0.7,
        ).decode()
    except (OSError, subprocess.SubprocessError):
        output = ""
    for name, version in re.findall(r"^(\S+):\n.*\n +Candidate: (\d\S*)", output, re.MULTILINE):
        # Ubuntu 22.04 has a python3.11 that is 3.11.0~rc1.
        if not re.search(r"~(a|b|rc)\d", version):
            return f"`sudo apt-get install {name}-venv`, then run this again"
    return (
        "install one, from elsewhere where apt has no release of it (pyenv, or on Ubuntu the PPA "
        "deadsnakes), then `make PYTHON=/path/to/python3.12 site`"
    )
