"""Lay out the Triton server of the Python package nvidia-pytriton, and write its launcher.

Usage: python -m stand_ins.triton.lay_out [--check] DIRECTORY

Writes DIRECTORY/triton/backends, with the backends "python" (from the package, with the stub of the
running Python) and "onnxruntime" (of this folder); DIRECTORY/triton/lib, with the library of the
running Python where the package would bring its own; and DIRECTORY/bin/tritonserver, which
takes the arguments of the real server. Prints "changed" or "unchanged"; with --check it writes
nothing. What would keep the server from starting is told on standard error, with exit status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from ..disk import write_or_exit

NEEDED = ("pytriton", "numpy", "onnxruntime", "PIL")
"""The server, and what the backend and the models in Python import."""
LAUNCHER = """\
#!/bin/sh
# Start the Triton server of the Python package nvidia-pytriton with the arguments given.
# Without these libraries the server waits for ever for a backend that cannot load.
export LD_LIBRARY_PATH={libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
# The Python backend runs the first python3 of PATH.
export PATH={python}:$PATH
# onnxruntime sends no usage events.
export ORT_DISABLE_TELEMETRY=1
# The Python backend starts each model through a shell, which takes a path with a space for two
# words. Such a path is given as the way from this folder, which in a pod is above the models.
from_here() {{
    case $1 in
    *[!A-Za-z0-9_./-]*) realpath --relative-to=. -- "$1" ;;
    *) printf '%s\n' "$1" ;;
    esac
}}
for argument; do
    shift
    case $argument in
    --model-repository=/*) argument=--model-repository=$(from_here "${{argument#*=}}") ;;
    esac
    set -- "$@" "$argument"
done
exec {server} --backend-directory="$(from_here {backends})" --disable-auto-complete-config "$@"
"""


def python_stub(server: Path) -> Path:
    """Return the package's stub for the running Python.

    Raises:
        SystemExit: the package has none.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stubs = server / "python_backend_stubs"
    stub = stubs / version / "triton_python_backend_stub"
    if not stub.exists():
        offered = ", ".join(
            sorted((path.name for path in stubs.iterdir()), key=lambda v: (len(v), v))
        )
        sys.exit(f"nvidia-pytriton has no Python backend for Python {version}, only for {offered}")
    return stub


def python_libraries(libraries: Path) -> dict[str, Path]:
    """Return the running Python's library by each name that the package's own one has.

    The package's own one reads the running Python's standard library too, but has fewer modules
    built in than Debian's, and finds the others nowhere.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    own = Path(sysconfig.get_config_var("LIBDIR"), f"libpython{version}.so.1.0")
    names = libraries.glob(f"libpython3-*.{sys.version_info.minor}.so.1.0")
    return {path.name: own for path in names if own.exists()}


def missing_libraries(files: list[Path], library_path: str) -> list[str]:
    """Return the shared libraries that the files need and the loader does not find."""
    environment = os.environ | {"LD_LIBRARY_PATH": library_path}
    listing = subprocess.run(
        ["ldd", *files], env=environment, check=True, capture_output=True, text=True
    ).stdout
    return sorted(set(re.findall(r"(\S+) => not found", listing)))


def advice(libraries: list[str]) -> str:
    """Say which libraries are missing and what brings them."""
    text = f"Triton cannot start, shared libraries are missing: {', '.join(libraries)}."
    for library in libraries:
        if match := re.match(r"libpython(3\.\d+)\.so", library):
            text += (
                f" Debian and Ubuntu have {library} in the package libpython{match[1]}; with pyenv,"
                f" build Python with PYTHON_CONFIGURE_OPTS=--enable-shared."
            )
    return text


def wanted_files(directory: Path) -> dict[Path, tuple[bytes, int]]:
    """Return content and mode of every file of the layout, by its path.

    Raises:
        SystemExit: this machine lacks something that the server needs.
    """
    # Found, not imported: some of them take a second to import.
    origins = {name: spec.origin for name in NEEDED if (spec := find_spec(name)) and spec.origin}
    if missing := [name for name in NEEDED if name not in origins]:
        sys.exit(f"{sys.executable} has no {', '.join(missing)}: install the requirements")
    package = Path(origins["pytriton"]).parent
    if not str(package).isascii():
        # The interpreter of the stub reads paths as ASCII; numpy is then not to be imported.
        sys.exit(
            f"the Python packages are in {str(package.parent)!a}, from which Triton cannot load "
            "models in Python: install them in a path whose letters are all ASCII"
        )
    server = package / "tritonserver"
    backend = server / "backends" / "python"
    library, stub = backend / "libtriton_python.so", python_stub(server)
    libraries, preferred = package.parent / "nvidia_pytriton.libs", directory / "triton" / "lib"
    library_path = f"{preferred}:{libraries}:{Path(sys.base_prefix, 'lib')}"
    program = server / "bin" / "tritonserver"
    if missing := missing_libraries([program, library, stub], library_path):
        sys.exit(advice(missing))
    backends = directory / "triton" / "backends"
    launcher = LAUNCHER.format(
        libraries=shlex.quote(library_path),
        python=shlex.quote(str(Path(sys.executable).parent)),
        server=shlex.quote(str(program)),
        backends=shlex.quote(str(backends)),
    )
    onnxruntime = Path(__file__).with_name("backends") / "onnxruntime" / "model.py"
    # Copies, because Triton refuses a backend library that a link leads out of its directory.
    copies = [library, backend / "triton_python_backend_utils.py", stub]
    return {
        **{backends / "python" / path.name: (path.read_bytes(), 0o755) for path in copies},
        **{
            preferred / name: (own.read_bytes(), 0o755)
            for name, own in python_libraries(libraries).items()
        },
        backends / "onnxruntime" / "model.py": (onnxruntime.read_bytes(), 0o644),
        directory / "bin" / "tritonserver": (launcher.encode(), 0o755),
    }


def is_as_wanted(path: Path, content: bytes, mode: int) -> bool:
    """Tell whether a file is there with this content and mode.

    One with another mode is not read: Triton takes everybody's right to read a stub away that it
    could not start.
    """
    return path.exists() and path.stat().st_mode & 0o777 == mode and path.read_bytes() == content


def main() -> None:
    """Bring the layout up to date."""
    parser = argparse.ArgumentParser(description="Lay out the Triton server of nvidia-pytriton.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("directory", type=Path)
    arguments = parser.parse_args()
    stale = {
        path: wanted
        for path, wanted in wanted_files(arguments.directory.expanduser().absolute()).items()
        if not is_as_wanted(path, *wanted)
    }
    if not arguments.check:
        for path, (content, mode) in stale.items():
            write_or_exit(path, content, mode)
    print("changed" if stale else "unchanged")


if __name__ == "__main__":
    main()
