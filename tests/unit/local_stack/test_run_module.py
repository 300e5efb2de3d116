"""A process of the local stack outlives a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import run_module

CHATTY = """
import logging, pathlib, sys
if __name__ == "__main__":
    print("on standard output", flush=True)
    print("on standard error", file=sys.stderr, flush=True)
    logging.basicConfig(level=logging.INFO)
    logging.info("in a log")
    pathlib.Path(sys.argv[1]).write_text(sys.argv[2])
"""


def test_a_module_outlives_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(CHATTY)
    out = tmp_path / "out"
    command = [sys.executable, run_module.__file__, "chatty", str(out), "argument"]
    environment = {"PYTHONPATH": str(tmp_path)}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=full, timeout=20)
    assert done.returncode == 0
    assert out.read_text() == "argument"


def test_a_log_has_what_a_module_prints(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(CHATTY)
    command = [sys.executable, run_module.__file__, "chatty", str(tmp_path / "out"), "argument"]
    environment = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert done.stdout == "on standard output\n"
    assert done.stderr.splitlines() == ["on standard error", "INFO:root:in a log"]
