"""fp16 and int8 against fp32 in onnxruntime: latency, size and accuracy.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.precision``. Takes about two minutes, and as
long again when the models are not exported yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .fastapi_server import session
from .measure import Row, Spread, interleave, number, table
from .served import export, shipped

MODELS = ("resnet50", "efficientnet_lite0", "gpt_mini")
PRECISIONS = ("fp32", "fp16", "int8")
ROUNDS = 7
SECONDS = 0.5


class Result(NamedTuple):
    """What a precision of a model gives."""

    bytes: int
    accuracy: dict[str, Any] | None
    latencies: list[float]
    """Mean seconds of a run, in each round."""


Results = dict[str, dict[str, Result]]


def inputs(model: Any) -> dict[str, np.ndarray]:
    """Return random inputs of batch size 1; gpt_mini reads one token behind a cache of 64."""
    random = np.random.default_rng(0)
    feed = {}
    for tensor in model.get_inputs():
        shape = [{"batch": 1, "sequence": 1, "slots": 64}.get(size, size) for size in tensor.shape]
        integers = tensor.type == "tensor(int64)"
        feed[tensor.name] = (
            random.integers(64, size=shape) if integers else random.random(shape, np.float32)
        )
    return feed


def latency(run: Callable[[], object]) -> float:
    """Return the mean seconds of a call."""
    calls, began = 0, time.perf_counter()
    while (now := time.perf_counter()) - began < SECONDS:
        run()
        calls += 1
    return (now - began) / calls


def measure() -> Results:
    """Return the results by model and precision."""
    results = {}
    for name in MODELS:
        # What is lost is measured here, so nothing is refused for it.
        models = [
            shipped(name, name=f"{name}_{precision}", precision=precision, max_accuracy_loss=1000)
            for precision in PRECISIONS
        ]
        records = dict(zip(PRECISIONS, export(*models), strict=True))
        runs = {}
        for precision, record in records.items():
            model = session(Path(record["path"]), threads=1)
            runs[precision] = partial(latency, partial(model.run, None, inputs(model)))
        latencies = interleave(runs, ROUNDS)
        results[name] = {
            precision: Result(record["bytes"], record["accuracy"], latencies[precision])
            for precision, record in records.items()
        }
    return results


def latency_ratio(by_precision: dict[str, Result], name: str) -> Spread:
    """Return how long a precision takes, as a ratio to fp32."""
    return Spread.ratio(by_precision[name].latencies, by_precision["fp32"].latencies)


def size_ratio(by_precision: dict[str, Result], name: str) -> Spread:
    """Return how large a precision's file is, as a ratio to fp32."""
    return Spread.of([by_precision[name].bytes / by_precision["fp32"].bytes])


def aims(results: Results) -> list[Row]:
    """Return the time that int8 takes; nothing is aimed at."""
    return [
        (f"int8 / fp32, time of {name}", latency_ratio(by_precision, "int8"), "")
        for name, by_precision in results.items()
    ]


def tables(results: Results) -> str:
    """Return what was measured in Markdown."""
    rows: list[Row] = []
    for name, by_precision in results.items():
        for precision, result in by_precision.items():
            milliseconds = number(1000 * Spread.of(result.latencies).median)
            size = f"{result.bytes / 2**20:.1f}"
            row: Row = (name, precision, milliseconds, "1", size, "1", "", "")
            if result.accuracy:
                row = (
                    *row[:3],
                    latency_ratio(by_precision, precision),
                    size,
                    number(size_ratio(by_precision, precision).median),
                    result.accuracy["metric"],
                    f"{result.accuracy['loss']:.2g} of {result.accuracy['fp32']:.4g}",
                )
            rows.append(row)
    header = ("model", "precision", "ms", "ratio", "MiB", "ratio", "metric", "lost")
    return table("Precisions in onnxruntime, one thread, batch size 1", header, rows)


if __name__ == "__main__":
    print(tables(measure()))
