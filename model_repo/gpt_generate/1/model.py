"""gpt_generate: continue texts with gpt_mini, one response per token.

All texts that are being written share the runs of gpt_mini. Where Python has onnxruntime, these are
made in this process; otherwise Triton makes them, with the instances of the model gpt_mini. A token
of so small a network takes a fraction of a millisecond, no longer than asking Triton for it.
"""

from __future__ import annotations

import json
import math
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from stream import Parameters, RefusedError, Stream, Telling

try:
    import onnxruntime
except ImportError:
    onnxruntime = None

CACHE_SHAPE = (8, 4, 32)
"""Layers * 2 (keys, values), heads, width of a head."""
SLOTS = 32
"""The cache grows in steps of this many tokens."""
INPUTS = ["input_ids", "position", "past"]
OUTPUTS = ["logits", "present"]

Network = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Read tokens [streams, sequence] at positions [streams, 1] with a cache; return the logits of the
next tokens and the new cache entries."""


def own_network(models: Path) -> Network:
    """Load the newest version of gpt_mini into this process.

    Raises:
        TritonModelException: the model repository has none.
    """
    files = list(models.glob("gpt_mini/*/model.onnx"))
    if not files:
        raise pb_utils.TritonModelException(f"there is no {models}/gpt_mini/<version>/model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        max(files, key=lambda file: int(file.parent.name)),
        options,
        providers=["CPUExecutionProvider"],
    )

    def network(*inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        feed = dict(zip(INPUTS, inputs, strict=True))
        logits, present = session.run(OUTPUTS, feed)
        return logits, present

    return network


def served_network(*inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask the model gpt_mini of this Triton.

    Raises:
        TritonModelException: gpt_mini is not ready, or failed.
    """
    request = pb_utils.InferenceRequest(
        model_name="gpt_mini",
        requested_output_names=OUTPUTS,
        inputs=[pb_utils.Tensor(*named) for named in zip(INPUTS, inputs, strict=True)],
        # On a GPU the outputs would stay in its memory, where NumPy cannot read them.
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
    )
    response = request.exec()
    if response.has_error():
        raise pb_utils.TritonModelException(response.error().message())
    logits, present = (
        pb_utils.get_output_tensor_by_name(response, name).as_numpy() for name in OUTPUTS
    )
    return logits, present


class Batch:
    """The streams that run, each with a row of the key-value cache.

    gpt_mini looks only at the slots below a row's position, so rows of different length fit
    together.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.streams: list[Stream] = []
        self.tokens = np.zeros((0, 1), dtype=np.int64)
        self.positions = np.zeros((0, 1), dtype=np.int64)
        self.cache = np.zeros((0, *CACHE_SHAPE[:2], SLOTS, CACHE_SHAPE[2]), dtype=np.float32)

    def add(self, stream: Stream) -> None:
        """Read a prompt, send the first token, and take the stream in for the others."""
        prompt = np.frombuffer(stream.parameters.prompt, dtype=np.uint8).astype(np.int64)[None]
        length = prompt.shape[1]
        nothing = np.zeros((1, *CACHE_SHAPE[:2], 1, CACHE_SHAPE[2]), dtype=np.float32)
        logits, present = self.network(prompt, np.zeros((1, 1), dtype=np.int64), nothing)
        token = stream.advance(logits[0])
        self.grow(length)
        row = np.zeros((1, *self.cache.shape[1:]), dtype=np.float32)
        row[:, :, :, :length] = present
        self.streams.append(stream)
        self.tokens = np.append(self.tokens, [[token]], axis=0)
        self.positions = np.append(self.positions, [[length]], axis=0)
        self.cache = np.append(self.cache, row, axis=0)

    def step(self) -> None:
        """Send one token to every stream."""
        self.grow(int(self.positions.max()) + 1)
        logits, present = self.network(self.tokens, self.positions, self.cache)
        self.cache[np.arange(len(self.streams)), :, :, self.positions[:, 0]] = present[:, :, :, 0]
        self.positions += 1
        for row, stream in enumerate(self.streams):
            with Telling([stream]):
                self.tokens[row] = stream.advance(logits[row])

    def grow(self, slots: int) -> None:
        """Make room for at least this many slots."""
        missing = math.ceil((slots - self.cache.shape[3]) / SLOTS) * SLOTS
        if missing > 0:
            self.cache = np.pad(self.cache, [(0, 0)] * 3 + [(0, missing), (0, 0)])

    def drop(self) -> None:
        """Let go the streams that are over."""
        kept = [row for row, stream in enumerate(self.streams) if not stream.is_over]
        if len(kept) < len(self.streams):
            self.streams = [self.streams[row] for row in kept]
            self.tokens, self.positions = self.tokens[kept], self.positions[kept]
            self.cache = self.cache[kept]


class TritonPythonModel:
    """Input `text_input` and sampling parameters, one `text_output` per token or for all."""

    def initialize(self, args: dict[str, str]) -> None:
        """Find gpt_mini and start the thread that writes.

        Raises:
            TritonModelException: there is no gpt_mini.
        """
        parameters = json.loads(args["model_config"])["parameters"]
        self.max_streams = int(parameters["max_streams"]["string_value"])
        models = Path(args["model_repository"]).parent
        self.batch = Batch(own_network(models) if onnxruntime else served_network)
        self.waiting: queue.SimpleQueue[Stream | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def execute(self, requests: list[Any]) -> None:
        """Take the requests that can be answered; their answers come from the thread."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                self.waiting.put(Stream(Parameters.of(request), sender))
            except RefusedError as refusal:
                error = pb_utils.TritonError(str(refusal), pb_utils.TritonError.INVALID_ARG)
                sender.send(
                    pb_utils.InferenceResponse(error=error),
                    flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL,
                )

    def finalize(self) -> None:
        """Let the streams that run, or wait, come to their end."""
        self.waiting.put(None)
        self.thread.join()

    def run(self) -> None:
        """Write until finalize is called. A stream joins the others between two tokens."""
        batch, is_open = self.batch, True
        while is_open or batch.streams:
            while is_open and len(batch.streams) < self.max_streams:
                if batch.streams and self.waiting.empty():
                    break
                stream = self.waiting.get()
                if stream is None:
                    is_open = False
                    break
                with Telling([stream]):
                    stream.end_if_cancelled()
                    if not stream.is_over:
                        batch.add(stream)
                batch.drop()
            if batch.streams:
                with Telling(batch.streams):
                    batch.step()
                batch.drop()
