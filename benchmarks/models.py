"""All that is measured of models, in one go, written down with plots.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.models``. Takes about eight minutes on a
machine with nothing else to do, prints docs/benchmarks/models.md, and writes it and the pictures
beside it.
"""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import matplotlib
from matplotlib import pyplot
from support.playbook_run import ROOT

from . import export, generation, plots, precision, serving
from .measure import Row, table

DOCS = ROOT / "docs" / "benchmarks"
PACKAGES = ("torch", "onnx", "onnxruntime", "nvidia-pytriton", "fastapi", "uvicorn", "numpy")

Results = TypeVar("Results")


def machine() -> str:
    """Say when and on what this is measured."""
    facts = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    processor = next(line.partition(": ")[2] for line in facts if line.startswith("model name"))
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return (
        f"Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} with {os.cpu_count()} cores\n"
        f"({processor}), {memory:.0f} GiB and no GPU; the load before was {load:.1f}.\n"
        f"Python {platform.python_version()}, {versions}."
    )


def part(
    title: str,
    measure: Callable[[], Results],
    aims: Callable[[Results], list[Row]],
    tables: Callable[[Results], str],
    draw: Callable[[Results, Path], str],
) -> tuple[list[Row], str]:
    """Measure one thing and draw it; return its rows of the overview, and its section."""
    results = measure()
    name = f"{title.lower()}.png"
    finding = draw(results, DOCS / name)
    return aims(results), f"\n## {title}\n\n![{finding}]({name})\n{tables(results)}"


def main() -> None:
    """Measure, draw and write."""
    matplotlib.use("Agg")
    pyplot.style.use(plots.STYLE)
    DOCS.mkdir(exist_ok=True)
    head = machine()
    parts = [
        part("Export", export.measure, export.aims, export.tables, plots.export),
        part("Serving", serving.measure, serving.aims, serving.tables, plots.serving),
        part(
            "Generation", generation.measure, generation.aims, generation.tables, plots.generation
        ),
        part("Precision", precision.measure, precision.aims, precision.tables, plots.precision),
    ]
    overview = table(
        "Overview", ("", "measured", "aim"), [row for rows, _ in parts for row in rows]
    )
    document = (
        "# Models, measured\n\n"
        "Written by `PYTHONPATH=tests:tools python -m benchmarks.models`. What the figures can "
        "tell, and\nwhat they cannot, is in [benchmarks.md](../benchmarks.md). A figure is the "
        "median of "
        "the\nrounds, with the lowest and the highest in brackets.\n\n"
        f"{head}\n{overview}{''.join(section for _, section in parts)}"
    )
    (DOCS / "models.md").write_text(document, "utf-8")
    print(document)


if __name__ == "__main__":
    main()
