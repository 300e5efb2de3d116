"""Set the checkout up: a virtual environment with every package pinned, and Prometheus.

Usage: ``python3 tools/set_up.py``. Standard library only. It may run again at any time: what is in
place is left alone. Prometheus, Alertmanager and what Python lacks come from apt, and need root or
sudo once.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "set_up.sha256"
SUPPORTED = ((3, 12), (3, 11), (3, 13))
"""Versions with a Python backend of Triton; first those for which nothing has to be compiled."""
TORCH = "torch==2.13.0"


class SetUpError(Exception):
    """What is missing and how to get it, in one line."""


def run(*argv: str | Path) -> str:
    """Run a command and return its output.

    Raises:
        SetUpError: it failed; with the last lines that it printed.
    """
    words = [str(word) for word in argv]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise SetUpError(f"`{' '.join(words[:7])}` failed: {tail}")
    return done.stdout


def choose_python() -> None:
    """Go on with another Python where Triton's Python backend has none for this one."""
    if sys.version_info[:2] in SUPPORTED:
        return
    python = supported_python()
    version = sys.version.split()[0]
    print(f"      the local Triton has nothing for {version}: on with {python}", flush=True)
    os.execv(python, [python, *sys.argv])


def supported_python() -> str:
    """Return the path of a supported Python: one that is there, or one that apt has.

    Raises:
        SetUpError: there is none, or apt cannot install it.
    """
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    for name in names:
        if (path := shutil.which(name)) and answers(path, "--version"):
            return path
    for name in names:
        if answers("apt-cache", "show", name):
            apt_install([name])
            return shutil.which(name) or f"/usr/bin/{name}"
    raise SetUpError(
        f"this is Python {sys.version.split()[0]}, and the local Triton needs one of "
        f"{', '.join(names)}, which apt does not have: install one and run "
        f"`make PYTHON={names[0]} ...`"
    )


def answers(*argv: str) -> bool:
    """Tell whether a command is there and succeeds."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def compiles_numpy() -> bool:
    """Tell whether pip has to compile numpy 1, whose wheels end with Python 3.12."""
    return sys.version_info >= (3, 13)


def create_environment() -> None:
    """Create the virtual environment, if it is not there."""
    if not (VENV / "bin" / "pip").exists():
        run(sys.executable, "-m", "venv", VENV)


def install_torch() -> None:
    """Install PyTorch before what depends on it, and say so when pip takes the CUDA build."""
    report = json.loads(
        run(PYTHON, "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--report", "-", TORCH)
    )
    for package in report["install"]:
        requires = package["metadata"].get("requires_dist", [])
        if any(requirement.startswith("nvidia-") for requirement in requires):
            print(
                "      pip takes PyTorch's CUDA build, which is several GB; for the CPU build stop "
                "here and see 'PyTorch without CUDA' in README.md",
                flush=True,
            )
    run(PYTHON, "-m", "pip", "install", "-q", TORCH, "-c", LOCK)


def install_packages() -> None:
    """Install exactly the packages of the lock file, and say so when that takes long."""
    if compiles_numpy():
        print(
            "      numpy 1 has no wheel for this Python: the first time pip compiles it, which "
            "takes about 4 minutes on 2 cores",
            flush=True,
        )
    run(PYTHON, "-m", "pip", "install", "-q", "--no-deps", "-r", LOCK)


def debian_packages() -> list[str]:
    """Return the Debian packages whose programs or files this machine lacks."""
    version = sysconfig.get_python_version()
    library = f"libpython{version}.so.1.0"
    own = f"{sysconfig.get_config_var('LIBDIR')}/{library}"
    shared = sysconfig.get_config_var("Py_ENABLE_SHARED")
    found = {
        "prometheus": shutil.which("prometheus"),
        "prometheus-alertmanager": shutil.which("prometheus-alertmanager"),
        f"python{version}-venv": find_spec("ensurepip"),
        # Triton's Python backend is linked against it.
        f"libpython{version}": (shared and loads(own)) or loads(library),
    }
    if compiles_numpy():
        found["g++"] = shutil.which("c++")
        found[f"python{version}-dev"] = Path(sysconfig.get_path("include"), "Python.h").exists()
    return [package for package, there in found.items() if not there]


def loads(library: str) -> bool:
    """Tell whether the dynamic loader finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_debian_packages() -> None:
    """Install the missing Debian packages."""
    if missing := debian_packages():
        apt_install(missing)


def apt_install(packages: list[str]) -> None:
    """Install Debian packages, as root or by a sudo that asks no password.

    Raises:
        SetUpError: that cannot be; with the command to type.
    """
    apt = ("apt-get", "-q", "-y", "--no-install-recommends")
    by_hand = f"install by hand: sudo apt-get install {' '.join(packages)}"
    try:
        for command in ((*apt, "update"), (*apt, "install", *packages)):
            run(*(() if os.geteuid() == 0 else ("sudo", "-n")), *command)
    except (SetUpError, OSError) as error:
        raise SetUpError(f"{error}; {by_hand}") from error


def fingerprint() -> str:
    """Identify what this set-up installs and where."""
    parts = [Path(__file__).read_bytes(), LOCK.read_bytes(), sys.version.encode(), bytes(VENV)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


STEPS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("Python", choose_python),
    ("Debian packages", install_debian_packages),
    ("virtual environment in .venv", create_environment),
    (TORCH, install_torch),
    ("Python packages of requirements.lock", install_packages),
)


def main() -> int:
    """Run every step that is due; return the exit code."""
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == fingerprint():
        print("set-up: everything is in place")
        return 0
    started = time.monotonic()
    for number, (title, step) in enumerate(STEPS, start=1):
        print(f"[{number}/{len(STEPS)}] {title}", flush=True)
        begun = time.monotonic()
        try:
            step()
        except SetUpError as error:
            print(f"set-up cannot go on: {error}", file=sys.stderr)
            return 1
        print(f"      {time.monotonic() - begun:.1f} s", flush=True)
    STAMP.write_text(fingerprint(), encoding="utf-8")
    print(f"set-up: done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
