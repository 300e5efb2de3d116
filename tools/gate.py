"""Run every check, whatever the ones before it said, and end with one exit code.

Usage: ``python tools/gate.py [CHECK ...]``; without names, all of them, the quickest first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECKS: Mapping[str, Sequence[str]] = {
    "ruff": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "yamllint": ("yamllint", "--strict", "."),
    "mypy": ("mypy", "tools", "plugins", "roles", "models", "grafana", "tests"),
    "unit": ("pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/unit", "tests/contract"),
    "ansible-lint": ("ansible-lint", "-q", "--strict"),
    "antsibull-docs": ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "."),
    "molecule": ("molecule", "test", "--all", "--workers", "2", "--continue-on-failure"),
    "integration": ("pytest", "-q", "tests/integration"),
}


def run(checks: Mapping[str, Sequence[str]]) -> int:
    """Run checks in order and print a table of them; return how many failed."""
    rows = []
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # Or antsibull-docs takes the collections of .venv for files that git ignores.
        "GIT_CEILING_DIRECTORIES": str(ROOT),
    }
    for name, argv in checks.items():
        print(f"\n=== {name}: {' '.join(argv)}", flush=True)
        begun = time.monotonic()
        code = subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode
        rows.append((name, code, time.monotonic() - begun))
    print(f"\n{'check':<16}{'result':<12}{'seconds':>8}")
    for name, code, seconds in rows:
        print(f"{name:<16}{'passed' if code == 0 else f'failed ({code})':<12}{seconds:>8.1f}")
    failed = sum(code != 0 for _, code, _ in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return failed


def main(names: Sequence[str]) -> int:
    """Run the named checks, or all; return the exit code."""
    unknown = sorted(set(names) - set(CHECKS))
    if unknown:
        print(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
        return 2
    return 1 if run({name: CHECKS[name] for name in names or CHECKS}) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
