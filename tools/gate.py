"""Run every check, whatever the ones before it said, and end with one exit code.

Usage: ``python tools/gate.py [CHECK ...]``; without names, all of them. They run in lanes side by
side: the playbooks end to end, which take longest and often wait, the tests, and all others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

Checks = Mapping[str, Sequence[str]]

SEALED = ("python", "tools/sealed_network.py")
PYTEST_2 = ("pytest", "-q", "-n", "2", "--dist", "loadfile")
TYPED = ("tools", "plugins", "models", "grafana", "tests", "benchmarks", "emulators/tests")
EMULATORS = ("aws_emulator", "kubernetes_emulator", "node_agent", "stand_ins")
"""Packages of their own, which mypy takes by name and not by path."""

LANES: Sequence[Checks] = (
    {"integration": (*SEALED, "pytest", "-q", "tests/integration")},
    {
        "unit": (*PYTEST_2, "tests/unit", "tests/contract", "emulators/tests"),
        "parts": (*PYTEST_2, "tests/parts"),
    },
    {
        "ruff": ("ruff", "check", "."),
        "format": ("ruff", "format", "--check", "."),
        "yamllint": ("yamllint", "--strict", "."),
        "mypy": ("mypy", *TYPED),
        "mypy-emulators": ("mypy", *(f"--package={name}" for name in EMULATORS)),
        "antsibull-docs": ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "."),
        "ansible-lint": ("ansible-lint", "-q", "--strict"),
        "molecule": (*SEALED, "molecule", "test", "--all", "--workers=2", "--continue-on-failure"),
        "first-light": ("python", "tools/first_light.py", "other"),
    },
)
"""Checks by name, each as its command; the longest lane first.

What runs the playbooks has a network of its own. So nothing that runs beside it can have its ports,
and that nothing of it phones home is proven.
"""


class Row(NamedTuple):
    """How a check has ended, and after how many seconds."""

    name: str
    code: int
    seconds: float


def run(lanes: Sequence[Checks]) -> int:
    """Run the checks and print a table of them; return how many failed."""
    begun = time.monotonic()
    with ThreadPoolExecutor(len(lanes)) as pool:
        # The others leave the processors to the longest.
        ended = [
            pool.submit(run_lane, checks, alone=len(lanes) == 1, nice=checks is not lanes[0])
            for checks in lanes
        ]
        rows = [row for lane in ended for row in lane.result()]
    print(f"\n{'check':<16}{'result':<12}{'seconds':>8}")
    for name, code, seconds in rows:
        print(f"{name:<16}{'passed' if code == 0 else f'failed ({code})':<12}{seconds:>8.1f}")
    failed = sum(row.code != 0 for row in rows)
    seconds = time.monotonic() - begun
    print(f"{len(rows) - failed} passed, {failed} failed, {seconds:.0f} s in all")
    return failed


def run_lane(checks: Checks, alone: bool, nice: bool) -> list[Row]:
    """Run checks in order. Alone they print as they go, beside other lanes once each has ended."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # Or antsibull-docs takes the collections of .venv for files that git ignores.
        "GIT_CEILING_DIRECTORIES": str(ROOT),
    }
    rows = []
    for name, argv in checks.items():
        print(f"=== {name}: {' '.join(argv)}\n", end="", flush=True)
        begun = time.monotonic()
        ended = subprocess.run(
            ["nice", *argv] if nice else argv,
            cwd=ROOT,
            env=environment,
            check=False,
            stdout=None if alone else subprocess.PIPE,
            stderr=None if alone else subprocess.STDOUT,
        )
        rows.append(Row(name, ended.returncode, time.monotonic() - begun))
        if ended.stdout is not None:
            output = ended.stdout.decode(errors="replace").rstrip()
            print(f"\n=== {name} says\n{output}\n\n", end="", flush=True)
    return rows


def main(names: Sequence[str]) -> int:
    """Run the named checks, or all; return the exit code."""
    known = [name for checks in LANES for name in checks]
    if unknown := sorted(set(names) - set(known)):
        print(f"no such check: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    chosen = [
        {name: argv for name, argv in checks.items() if name in (names or known)}
        for checks in LANES
    ]
    return 1 if run([checks for checks in chosen if checks]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
