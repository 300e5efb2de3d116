"""A module of the collection, run as Ansible runs it: a process, arguments in and a result out.

Usage: ``python -m benchmarks.module_process NAME``, with the arguments as JSON on standard input.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from typing import Any

from ansible.module_utils.testing import patch_module_args
from support.playbook_run import ROOT

COLLECTION = "ansible_collections.mlops.gpu_platform.plugins.modules"


def run_module(name: str, **arguments: Any) -> dict[str, Any]:
    """Run a module and return its result.

    Raises:
        SystemExit: the module fails.
    """
    command = [sys.executable, "-m", "benchmarks.module_process", name]
    done = subprocess.run(
        command, input=json.dumps(arguments), cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{name} fails: {done.stdout[-5000:]}{done.stderr[-5000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    sys.path.append(str(ROOT / "collections"))
    with patch_module_args(json.load(sys.stdin)):
        runpy.run_module(f"{COLLECTION}.{sys.argv[1]}", run_name="__main__")
