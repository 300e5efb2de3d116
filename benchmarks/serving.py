"""Triton against FastAPI, and against onnxruntime in the process that asks.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.serving``. Takes about five minutes.

All have the same cores and run a model with one thread: onnxruntime in the asking process with a
thread for each request in flight, FastAPI in one process with its pool of threads, and Triton with
an instance for each core.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .fastapi_server import fastapi, session
from .load import Load, in_process, over_http, post
from .measure import Row, Spread, interleave, number, table
from .served import AN_INSTANCE_PER_CORE, CORES, TINY_WIDTH, export, pack, shipped, tiny
from .triton_server import triton

CONCURRENCIES = (1, 4, 8)
ROUNDS = 3
SECONDS = {"resnet50": 4.0, "tiny": 0.4}
"""Long enough for batches to settle: the first and last requests run alone."""
INPUTS = {"resnet50": ("image", (1, 3, 224, 224)), "tiny": ("x", (1, TINY_WIDTH))}
IN_PROCESS = "in process"
CONTENDERS = (IN_PROCESS, "Triton binary", "FastAPI binary", "Triton JSON", "FastAPI JSON")


class Case(NamedTuple):
    """One model under one load."""

    model: str
    concurrency: int


Loads = dict[Case, dict[str, list[Load]]]


def example(model: str) -> np.ndarray:
    """Return an input of a model."""
    return np.random.default_rng(0).random(INPUTS[model][1], np.float32)


def requests(model: str) -> dict[str, bytes]:
    """Return what each server is sent, with the same numbers in it."""
    array = example(model)
    raw = array.tobytes()
    tensor = {"name": INPUTS[model][0], "shape": array.shape, "datatype": "FP32"}
    head = {
        "inputs": [tensor | {"parameters": {"binary_data_size": len(raw)}}],
        "parameters": {"binary_data_output": True},
    }
    header = json.dumps(head).encode()
    # Numbers below 1 differ in the seventh digit or before.
    data = [round(value, 7) for value in array.ravel().tolist()]
    document = json.dumps({"inputs": [tensor | {"data": data}]}).encode()
    path = f"/v2/models/{model}/infer"
    json_type, raw_type = "Content-Type: application/json", "Content-Type: application/octet-stream"
    length = f"Inference-Header-Content-Length: {len(header)}"
    return {
        "Triton binary": post(path, header + raw, raw_type, length),
        "Triton JSON": post(path, document, json_type),
        "FastAPI binary": post(f"/{model}/binary", raw, raw_type),
        "FastAPI JSON": post(f"/{model}/json", document, json_type),
    }


def measure() -> Loads:
    """Return the loads of all rounds, by case and contender."""
    models = [shipped("resnet50"), tiny()]
    for model in models:
        model["config"] |= AN_INSTANCE_PER_CORE
    # Otherwise all requests may end up in one batch, on one core, while the other is idle.
    models[0]["config"] |= {"max_batch_size": max(CONCURRENCIES) // CORES}
    paths = {record["name"]: Path(record["path"]) for record in export(*models)}
    results = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        triton(pack(Path(folder), *models)) as triton_port,
        fastapi(paths, threads=1) as fastapi_port,
    ):
        for case in (Case(name, number) for name in INPUTS for number in CONCURRENCIES):
            run = session(paths[case.model], threads=1).run
            call = partial(run, None, {INPUTS[case.model][0]: example(case.model)})
            limits = (case.concurrency, SECONDS[case.model])
            contenders: dict[str, Callable[[], Load]] = {
                IN_PROCESS: partial(in_process, call, *limits)
            }
            for name, request in requests(case.model).items():
                port = triton_port if name.startswith("Triton") else fastapi_port
                contenders[name] = partial(over_http, port, request, *limits)
            results[case] = interleave(contenders, ROUNDS)
    return results


def ratio(loads: dict[str, list[Load]], ours: str, theirs: str) -> Spread:
    """Return the ratio of two contenders' answers per second."""
    return Spread.ratio(*([load.rate for load in loads[name]] for name in (ours, theirs)))


def aims(results: Loads) -> list[Row]:
    """Return what is aimed at and what was measured."""
    rows: list[Row] = []
    for concurrency, aim in ((1, "at least 0.9"), (8, "at least 1.0")):
        found = ratio(results[Case("resnet50", concurrency)], "Triton binary", IN_PROCESS)
        rows.append((f"Triton / in process, ResNet50, {concurrency} in flight", found, aim))
    return rows


def tables(results: Loads) -> str:
    """Return what was measured in Markdown."""
    rates, latencies, ratios = list[Row](), list[Row](), list[Row]()
    for case, loads in results.items():
        medians = [Spread.of([load.rate for load in loads[name]]).median for name in CONTENDERS]
        rates.append((*case, *map(number, medians)))
        milliseconds = [
            [1000 * Spread.of([load[index] for load in loads[name]]).median for index in (1, 2)]
            for name in CONTENDERS
        ]
        latencies.append((*case, *(f"{number(p50)} / {number(p99)}" for p50, p99 in milliseconds)))
        ratios.append(
            (
                *case,
                ratio(loads, "Triton binary", IN_PROCESS),
                ratio(loads, "Triton binary", "FastAPI binary"),
                ratio(loads, "Triton JSON", "FastAPI JSON"),
            )
        )
    head = ("model", "in flight")
    sides = ("to in process", "to FastAPI, binary", "to FastAPI, JSON")
    return (
        table("Triton's answers per second as a ratio", (*head, *sides), ratios)
        + table("Answers per second", (*head, *CONTENDERS), rates)
        + table(
            "Milliseconds of a request: median / 99th percentile, or slowest of fewer than 100",
            (*head, *CONTENDERS),
            latencies,
        )
    )


if __name__ == "__main__":
    print(tables(measure()))
