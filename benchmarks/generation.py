"""Tokens per second of gpt_generate in Triton against gpt_mini in onnxruntime itself.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.generation``. Takes about a minute.

Both take the likeliest token, with a cache of keys and values that grows alike, and one thread per
run. The raw side sends nothing to anybody. It writes several texts one after another, as a plain
loop does, or as one batch made by hand, which only works for texts that begin and end together.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .fastapi_server import session
from .load import over_http, post
from .measure import Row, Spread, interleave, table
from .served import export, pack, shipped
from .triton_server import triton

PROMPT = "To be, or not to be: "
TOKENS = 128
STREAMS = (1, 4)
ROUNDS = 5
SECONDS = 1.5
SLOTS = 32
"""The cache grows by so many tokens, as that of gpt_generate."""
PATH = "/v2/models/gpt_generate/generate_stream"
BODY = json.dumps({"text_input": PROMPT, "max_tokens": TOKENS, "temperature": 0}).encode()
OURS, IN_TURN, BATCHED = "gpt_generate", "onnxruntime, in turn", "onnxruntime, batched"

Rates = dict[int, dict[str, list[float]]]


def generate(model: Any, streams: int) -> list[str]:
    """Return so many texts behind the prompt, written by onnxruntime in one batch."""
    tokens = np.tile(np.frombuffer(PROMPT.encode(), np.uint8).astype(np.int64), (streams, 1))
    cache = np.zeros((streams, 8, 4, SLOTS, 32), np.float32)
    texts = np.zeros((streams, TOKENS), np.uint8)
    length = 0
    for number in range(TOKENS):
        position = np.full((streams, 1), length)
        feed = {"input_ids": tokens, "position": position, "past": cache}
        logits, present = model.run(None, feed)
        end = length + present.shape[3]
        if end > cache.shape[3]:
            cache = np.pad(cache, [(0, 0)] * 3 + [(0, SLOTS), (0, 0)])
        cache[:, :, :, length:end] = present
        length = end
        tokens = logits.argmax(axis=1, keepdims=True)
        texts[:, number] = tokens[:, 0]
    return [text.tobytes().decode(errors="replace") for text in texts]


def raw(model: Any, streams: int) -> float:
    """Return tokens per second of onnxruntime."""
    texts, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        texts += len(generate(model, streams))
    return texts * TOKENS / (time.perf_counter() - began)


def served(port: int, streams: int) -> float:
    """Return tokens per second of so many streams out of Triton, an event per token."""
    return over_http(port, post(PATH, BODY), streams, SECONDS).rate * TOKENS


def check(port: int, model: Any) -> None:
    """Compare what the two write.

    Raises:
        SystemExit: they write different texts, so their speeds cannot be compared.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{PATH}", BODY, timeout=60) as answer:
        events = [json.loads(line[len("data: ") :]) for line in answer if line.strip()]
    text = "".join(event["text_output"] for event in events)
    [expected] = generate(model, 1)
    if text != expected or len(events) != TOKENS:
        sys.exit(f"gpt_generate writes {text!r} in {len(events)} events, and not {expected!r}")


def measure() -> Rates:
    """Return tokens per second of all rounds, by the number of streams and contender."""
    models = [shipped("gpt_mini"), shipped("gpt_generate")]
    model = session(Path(export(*models)[0]["path"]), threads=1)
    results = {}
    with tempfile.TemporaryDirectory() as folder, triton(pack(Path(folder), *models)) as port:
        check(port, model)
        for streams in STREAMS:
            contenders: dict[str, Callable[[], float]] = {
                OURS: partial(served, port, streams),
                IN_TURN: partial(raw, model, 1),
                BATCHED: partial(raw, model, streams),
            }
            if streams == 1:
                del contenders[BATCHED]
            results[streams] = interleave(contenders, ROUNDS)
    return results


def aims(results: Rates) -> list[Row]:
    """Return what is aimed at and what was measured."""
    return [
        (f"gpt_generate / {name}, {streams} at once", Spread.ratio(rates[OURS], rates[name]), aim)
        for streams, rates in results.items()
        for name, aim in ((IN_TURN, "at least 0.35"), (BATCHED, ""))
        if name in rates
    ]


def tables(results: Rates) -> str:
    """Return what was measured in Markdown."""
    rows: list[Row] = [
        (
            streams,
            name,
            Spread.of(values),
            "" if name == OURS else Spread.ratio(rates[OURS], values),
        )
        for streams, rates in results.items()
        for name, values in rates.items()
    ]
    header = ("streams", "", "tokens per second", "gpt_generate's ratio to it")
    return table("Text generation", header, rows)


if __name__ == "__main__":
    print(tables(measure()))
