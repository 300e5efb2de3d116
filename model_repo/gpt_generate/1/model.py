"""gpt_generate: continue a text with gpt_mini, one response per token."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

CONTEXT = 256
"""The longest sequence, in bytes, that gpt_mini reads: prompt and answer together."""
VOCABULARY = 256
CACHE_SHAPE = (8, 4, 32)
"""Layers * 2 (keys, values), heads, width of a head."""
SLOTS = 64
"""The cache grows in steps of this many tokens. Streams with equal caches share a run."""


class RefusedError(Exception):
    """An input of a request is outside of its allowed values."""


@dataclass
class Parameters:
    """What a request asks for."""

    prompt: bytes
    max_tokens: int
    temperature: float
    top_k: int
    seed: int | None

    @classmethod
    def of(cls, request: Any) -> Parameters:
        """Read and check a request's inputs.

        Raises:
            RefusedError: an input is outside of its allowed values.
        """

        def value(name: str, default: Any) -> Any:
            tensor = pb_utils.get_input_tensor_by_name(request, name)
            return default if tensor is None else tensor.as_numpy().reshape(-1)[0]

        prompt = bytes(value("text_input", b""))
        max_tokens = int(value("max_tokens", 64))
        temperature = float(value("temperature", 0.8))
        top_k = int(value("top_k", 40))
        seed = value("seed", None)
        if not prompt:
            raise RefusedError("text_input is empty: give at least one character")
        if max_tokens < 1 or len(prompt) + max_tokens > CONTEXT:
            raise RefusedError(
                f"max_tokens is {max_tokens} and text_input has {len(prompt)} bytes: max_tokens "
                f"must be at least 1, and both together at most {CONTEXT}"
            )
        if not 0 <= temperature <= 10:
            raise RefusedError(f"temperature is {temperature}: allowed is 0 (greedy) to 10")
        if not 1 <= top_k <= VOCABULARY:
            raise RefusedError(f"top_k is {top_k}: allowed is 1 to {VOCABULARY}")
        if seed is not None and seed < 0:
            raise RefusedError(f"seed is {seed}: allowed is 0 and above")
        return cls(prompt, max_tokens, temperature, top_k, None if seed is None else int(seed))


def pick(logits: np.ndarray, parameters: Parameters, random: np.random.Generator) -> int:
    """Choose the next token from logits [VOCABULARY]."""
    best = np.argsort(-logits, kind="stable")[: parameters.top_k]
    if parameters.temperature == 0:
        return int(best[0])
    weights = np.exp((logits[best] - logits[best[0]]) / parameters.temperature)
    return int(random.choice(best, p=weights / weights.sum()))


class Stream:
    """One sequence and its key-value cache."""

    def __init__(self) -> None:
        self.length = 0
        self.cache = np.zeros((1, *CACHE_SHAPE[:2], SLOTS, CACHE_SHAPE[2]), dtype=np.float32)

    async def read(self, tokens: np.ndarray) -> np.ndarray:
        """Let gpt_mini read int64 tokens [sequence] and return the next token's logits.

        Raises:
            TritonModelException: gpt_mini is not ready, or failed.
        """
        request = pb_utils.InferenceRequest(
            model_name="gpt_mini",
            requested_output_names=["logits", "present"],
            inputs=[
                pb_utils.Tensor("input_ids", tokens[None]),
                pb_utils.Tensor("position", np.array([[self.length]], dtype=np.int64)),
                pb_utils.Tensor("past", self.cache),
            ],
            # On a GPU the outputs would stay in its memory, where NumPy cannot read them.
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
        )
        response = await request.async_exec()
        if response.has_error():
            raise pb_utils.TritonModelException(response.error().message())
        logits = pb_utils.get_output_tensor_by_name(response, "logits").as_numpy()[0]
        self.store(pb_utils.get_output_tensor_by_name(response, "present").as_numpy())
        return logits

    def store(self, present: np.ndarray) -> None:
        """Append the cache entries of the tokens just read, growing the cache when it is full."""
        end = self.length + present.shape[3]
        if end > self.cache.shape[3]:
            slots = math.ceil(end / SLOTS) * SLOTS
            self.cache = np.pad(
                self.cache, [(0, 0)] * 3 + [(0, slots - self.cache.shape[3]), (0, 0)]
            )
        self.cache[:, :, :, self.length : end] = present
        self.length = end


def finish(sender: Any, error: Any = None) -> None:
    """End a stream, with an error where there is one."""
    last = pb_utils.InferenceResponse(error=error) if error else None
    sender.send(last, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


class TritonPythonModel:
    """Input `text_input` and sampling parameters, one `text_output` per token."""

    async def execute(self, requests: list[Any]) -> None:
        """Stream the answers. Triton calls this again while earlier calls still await gpt_mini."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                await self.generate(Parameters.of(request), sender)
                finish(sender)
            except RefusedError as refusal:
                finish(sender, pb_utils.TritonError(str(refusal), pb_utils.TritonError.INVALID_ARG))
            except Exception as failure:
                # Triton logs what is raised here and tells the client nothing, who would wait.
                finish(sender, pb_utils.TritonError(f"gpt_generate failed: {failure!r}"))
                raise

    async def generate(self, parameters: Parameters, sender: Any) -> None:
        """Send one response per token until max_tokens, or until the client is gone.

        A character of several bytes arrives with its last byte; the responses of the bytes before
        carry an empty text.
        """
        random = np.random.default_rng(parameters.seed)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        stream = Stream()
        tokens = np.frombuffer(parameters.prompt, dtype=np.uint8).astype(np.int64)
        for left in range(parameters.max_tokens, 0, -1):
            token = pick(await stream.read(tokens), parameters, random)
            if sender.is_cancelled():
                return
            text = decoder.decode(bytes([token]), final=left == 1)
            output = pb_utils.Tensor("text_output", np.array([text.encode()], dtype=np.object_))
            sender.send(pb_utils.InferenceResponse([output]))
            tokens = np.array([token], dtype=np.int64)
