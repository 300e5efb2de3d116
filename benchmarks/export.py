"""onnx_export against a bare ``torch.onnx.export`` of ResNet50.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.export``. Takes about two and a half minutes.

All are processes of their own, measured from start to end, imports included. onnx_export also
checks the file and its shapes, and records what it is made of.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .measure import Row, Spread, interleave, table
from .served import export, shipped

MODEL = "resnet50"
OPSET = 20
ROUNDS = 5
BARE, FIRST, SECOND = "torch.onnx.export", "onnx_export, first run", "onnx_export, second run"


class Cost(NamedTuple):
    """What a process took."""

    seconds: float
    cpu: float
    """Seconds of all cores together; other work on the machine hardly changes them."""


Costs = dict[str, list[Cost]]


def cost(call: Callable[[], object]) -> Cost:
    """Measure a call that does its work in child processes, and waits for them."""

    def cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began, used = time.monotonic(), cpu()
    call()
    return Cost(time.monotonic() - began, cpu() - used)


def bare(folder: Path) -> Cost:
    """Export without the module."""
    source = shipped(MODEL)["source"]
    command = [sys.executable, "-m", "benchmarks.bare_export", source, str(OPSET)]
    command.append(str(folder / "bare.onnx"))
    return cost(partial(subprocess.run, command, check=True, capture_output=True))


def ours(folder: Path, anew: bool) -> Cost:
    """Export with the module, where nothing was exported before or all was."""
    model = shipped(MODEL, opset=OPSET)
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        exports = Path(fresh) if anew else folder / "exports"
        return cost(partial(export, model, exports=exports))


def measure() -> Costs:
    """Return the costs of all rounds, by contender."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contenders: dict[str, Callable[[], Cost]] = {
            BARE: partial(bare, folder),
            FIRST: partial(ours, folder, anew=True),
            SECOND: partial(ours, folder, anew=False),
        }
        return interleave(contenders, ROUNDS)


def ratio(results: Costs, name: str, what: int) -> Spread:
    """Return the ratio of a contender to the bare export, in seconds (0) or CPU seconds (1)."""
    ours, theirs = ([cost[what] for cost in results[contender]] for contender in (name, BARE))
    return Spread.ratio(ours, theirs)


def aims(results: Costs) -> list[Row]:
    """Return what is aimed at and what was measured."""
    second = Spread.of([cost.seconds for cost in results[SECOND]])
    return [
        ("onnx_export / torch.onnx.export, ResNet50", ratio(results, FIRST, 0), "at most 1.15"),
        ("the same in CPU time", ratio(results, FIRST, 1), "at most 1.15"),
        ("second onnx_export, seconds", second, "under 1"),
    ]


def tables(results: Costs) -> str:
    """Return what was measured in Markdown."""
    rows: list[Row] = [
        (
            name,
            Spread.of([cost.seconds for cost in costs]),
            Spread.of([cost.cpu for cost in costs]),
            ratio(results, name, 0) if name != BARE else "1",
            ratio(results, name, 1) if name != BARE else "1",
        )
        for name, costs in results.items()
    ]
    header = ("", "seconds", "CPU seconds", "ratio", "ratio in CPU time")
    return table(f"Export of {MODEL}", header, rows)


if __name__ == "__main__":
    print(tables(measure()))
