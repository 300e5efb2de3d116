"""The Debian packages that the local stack needs: which are missing, and how they are installed.

In the syntax of Python 3.6, as what set-up imports has to be.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from machine import SetUpError

APT = ("apt-get", "-q", "-y", "--no-install-recommends")


def run(*argv: "str | Path") -> str:
    """Run a command that asks nothing, and return its output.

    Raises:
        SetUpError: it failed; with the last lines that it printed.
    """
    words = [str(word) for word in argv]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise SetUpError(f"`{' '.join(words[:7])}` failed: {tail}")
    return done.stdout


def compiles_numpy() -> bool:
    """Tell whether pip has to compile numpy 1, whose wheels end with Python 3.12."""
    return sys.version_info >= (3, 13)


def missing_packages() -> "list[str]":
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


def as_root() -> "tuple[str, ...]":
    """Return what makes a command root's."""
    return () if os.geteuid() == 0 else ("sudo", "-n")


def by_hand(packages: "list[str]") -> str:
    """Return the command by which a person installs packages."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def check_packages() -> None:
    """Accept a machine that lacks no package, or on which this user may install them.

    Raises:
        SetUpError: neither; with the command to type.
    """
    packages = missing_packages()
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise SetUpError(
            "this system has no apt-get: install what corresponds to the Debian packages "
            f"{', '.join(packages)}"
        )
    try:
        run(*as_root(), "apt-get", "--version")
    except (SetUpError, OSError) as error:
        raise SetUpError(
            "Debian packages are missing, and you are neither root nor have a sudo that asks no "
            f"password: type `{by_hand(packages)}`, or have it typed, and run this again"
        ) from error


def install_packages() -> None:
    """Install the missing packages, as root or by a sudo that asks no password.

    Raises:
        SetUpError: apt fails; with the command to type.
    """
    packages = missing_packages()
    if not packages:
        return
    try:
        for command in (("update",), ("install", *packages)):
            run(*as_root(), *APT, *command)
    except SetUpError as error:
        raise SetUpError(f"{error}; install by hand: {by_hand(packages)}") from error
