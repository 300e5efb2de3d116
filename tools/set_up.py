"""Set the checkout up: a virtual environment with every package pinned, and Prometheus.

Usage: ``python3 tools/set_up.py``. Standard library only. It may run again at any time: what is in
place is left alone. Prometheus, Alertmanager and what Python lacks come from apt, and need root or
sudo once. What cannot work is refused before anything is created.

In the syntax of Python 3.6, as all that it imports, so that an old Python hands over or refuses.
"""

import hashlib
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import debian
import machine
import pythons
from debian import run
from machine import SetUpError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
EMULATORS = ROOT / "emulators"
STAMP = VENV / "set_up.sha256"
TORCH = "torch==2.13.0"


def create_environment() -> None:
    """Create the virtual environment, unless there is one with pip and of this version.

    Packages that an interrupted pip has left halfway are forgotten: it would take them for
    installed. The file INSTALLER comes last.
    """
    library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = VENV / "lib" / library / "site-packages"
    if not (PYTHON.exists() and any(packages.glob("pip-*.dist-info/INSTALLER"))):
        run(sys.executable, "-m", "venv", "--clear", VENV)
    for record in packages.glob("*.dist-info"):
        if not (record / "INSTALLER").exists():
            shutil.rmtree(str(record))


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
            machine.need_space(
                ROOT, machine.CUDA_BYTES, ", or take the CPU build, as README.md tells"
            )
    run(PYTHON, "-m", "pip", "install", "-q", TORCH, "-c", LOCK)


def install_packages() -> None:
    """Install exactly the packages of the lock file, and say so when that takes long."""
    if debian.compiles_numpy():
        print(
            "      numpy 1 has no wheel for this Python: the first time pip compiles it, which "
            "takes about 4 minutes on 2 cores",
            flush=True,
        )
    run(PYTHON, "-m", "pip", "install", "-q", "--no-deps", "-r", LOCK)


def install_emulators() -> None:
    """Install what the local inventory runs instead of a cloud, as it lies in the checkout.

    The setuptools of the lock file builds it: nothing is fetched.
    """
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    run(PYTHON, "-m", "pip", "install", "-q", *options, "-e", EMULATORS)


def fingerprint() -> str:
    """Identify what this set-up installs and where."""
    files = (Path(__file__), LOCK, EMULATORS / "pyproject.toml")
    parts = [*(file.read_bytes() for file in files), sys.version.encode(), bytes(VENV)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


CHECKS: "tuple[Callable[[], None], ...]" = (
    machine.check_system,
    machine.check_processor,
    partial(machine.check_place, ROOT),
    pythons.go_on_with_a_supported_one,
    machine.check_c_library,
    debian.check_packages,
    partial(machine.check_space, VENV),
)
"""What may refuse: what no one can change first, and before what only a newer Python can tell."""

STEPS: "tuple[tuple[str, Callable[[], None]], ...]" = (
    ("Debian packages", debian.install_packages),
    ("virtual environment in .venv", create_environment),
    (TORCH, install_torch),
    ("Python packages of requirements.lock", install_packages),
    ("emulators/", install_emulators),
)


def main() -> int:
    """Check the machine and run every step, if any is due; return the exit code."""
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == fingerprint():
        print("set-up: everything is in place")
        return 0
    started = time.monotonic()
    try:
        for check in CHECKS:
            check()
        for number, (title, step) in enumerate(STEPS, start=1):
            print(f"[{number}/{len(STEPS)}] {title}", flush=True)
            begun = time.monotonic()
            step()
            print(f"      {time.monotonic() - begun:.1f} s", flush=True)
    except SetUpError as error:
        print(f"set-up cannot go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up was interrupted: run it again, and it goes on from there", file=sys.stderr)
        return 130
    STAMP.write_text(fingerprint(), encoding="utf-8")
    print(f"set-up: done in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
