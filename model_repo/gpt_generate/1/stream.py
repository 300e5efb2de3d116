"""A text that gpt_generate writes: what was asked for, the choice of tokens, its responses."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

CONTEXT = 256
"""The longest sequence, in bytes, that gpt_mini reads: prompt and answer together."""
VOCABULARY = 256
MAX_STOPS = 8
CANCELLATION_TOKENS = 8
"""Tokens between two looks at whether the client is still there: each costs a message."""


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
    stops: list[bytes]
    stream: bool

    @classmethod
    def of(cls, request: Any) -> Parameters:
        """Read and check a request's inputs.

        Raises:
            RefusedError: an input is outside of its allowed values.
        """

        def values(name: str) -> list[Any]:
            tensor = pb_utils.get_input_tensor_by_name(request, name)
            return [] if tensor is None else tensor.as_numpy().reshape(-1).tolist()

        def value(name: str, default: Any) -> Any:
            return (values(name) or [default])[0]

        found = cls(
            prompt=value("text_input", b""),
            max_tokens=value("max_tokens", 64),
            temperature=value("temperature", 0.8),
            top_k=value("top_k", 40),
            seed=value("seed", None),
            stops=values("stop"),
            stream=value("stream", True),
        )
        found.check()
        return found

    def check(self) -> None:
        """Compare with what is allowed.

        Raises:
            RefusedError: a value is not allowed.
        """
        if not self.prompt:
            raise RefusedError("text_input is empty: give at least one character")
        if self.max_tokens < 1 or len(self.prompt) + self.max_tokens > CONTEXT:
            raise RefusedError(
                f"max_tokens is {self.max_tokens} and text_input has {len(self.prompt)} bytes: "
                f"max_tokens must be at least 1, and both together at most {CONTEXT}"
            )
        if not 0 <= self.temperature <= 10:
            raise RefusedError(f"temperature is {self.temperature}: allowed is 0 (greedy) to 10")
        if not 1 <= self.top_k <= VOCABULARY:
            raise RefusedError(f"top_k is {self.top_k}: allowed is 1 to {VOCABULARY}")
        if self.seed is not None and self.seed < 0:
            raise RefusedError(f"seed is {self.seed}: allowed is 0 and above")
        if len(self.stops) > MAX_STOPS:
            raise RefusedError(f"stop has {len(self.stops)} strings: allowed are {MAX_STOPS}")
        if b"" in self.stops:
            raise RefusedError("stop has an empty string: give at least one character")


class Text:
    """Bytes on their way to the client: whole characters, and nothing of a stop string."""

    def __init__(self, stops: list[bytes]) -> None:
        self.stops = stops
        self.beginnings = {stop[:length] for stop in stops for length in range(1, len(stop))}
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.held = b""
        """The last bytes, while they may become a stop string."""

    def add(self, byte: int) -> tuple[str, bool]:
        """Return the text that is certain now, and whether a stop string is complete."""
        text = self.held + bytes([byte])
        for stop in self.stops:
            if text.endswith(stop):
                self.held = b""
                return self.decoder.decode(text.removesuffix(stop)), True
        lengths = (len(start) for start in self.beginnings if text.endswith(start))
        certain = len(text) - max(lengths, default=0)
        self.held = text[certain:]
        return self.decoder.decode(text[:certain]), False

    def rest(self) -> str:
        """Return what was held back, at the end."""
        return self.decoder.decode(self.held, final=True)


class Stream:
    """One text that is being written."""

    def __init__(self, parameters: Parameters, sender: Any) -> None:
        self.parameters = parameters
        self.sender = sender
        self.left = parameters.max_tokens
        self.random = np.random.default_rng(parameters.seed)
        self.text = Text(parameters.stops)
        self.parts: list[str] = []
        self.is_over = False

    def advance(self, logits: np.ndarray) -> int:
        """Choose the next token from logits [VOCABULARY], send its text, and return it."""
        token = self.pick(logits)
        self.left -= 1
        text, stopped = self.text.add(token)
        if stopped or self.left == 0:
            self.send(text + self.text.rest(), last=True)
        else:
            self.send(text, last=False)
            if self.left % CANCELLATION_TOKENS == 0:
                self.end_if_cancelled()
        return token

    def pick(self, logits: np.ndarray) -> int:
        """Choose a token as the request's temperature, top_k and seed say."""
        if self.parameters.temperature == 0:
            return int(logits.argmax())
        best = np.argsort(-logits, kind="stable")[: self.parameters.top_k]
        weights = np.exp((logits[best] - logits[best[0]]) / self.parameters.temperature)
        sums = weights.cumsum()
        return int(best[np.searchsorted(sums, self.random.random() * sums[-1], side="right")])

    def send(self, text: str, last: bool) -> None:
        """Send a piece of text, or keep it for the one response that was asked for."""
        if not self.parameters.stream:
            self.parts.append(text)
            if not last:
                return
            text = "".join(self.parts)
        output = pb_utils.Tensor("text_output", np.array([text.encode()], dtype=np.object_))
        self.respond(pb_utils.InferenceResponse([output]), last)

    def respond(self, response: Any, last: bool) -> None:
        """Send a response; the last one ends the stream."""
        flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if last else 0
        self.is_over = last
        self.sender.send(response, flags=flags)

    def end_if_cancelled(self) -> None:
        """End the stream if the client is gone."""
        if self.sender.is_cancelled():
            self.respond(None, last=True)


class Telling:
    """Whoever waits for one of the streams is told why, when what is done for them fails."""

    def __init__(self, streams: list[Stream]) -> None:
        self.streams = streams

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """End the streams with the failure, if there is one; the others go on."""
        if failure is None:
            return False
        message = f"gpt_generate failed: {failure!r}"
        pb_utils.Logger.log_error(message)
        for stream in self.streams:
            if not stream.is_over:
                error = pb_utils.TritonError(message)
                stream.respond(pb_utils.InferenceResponse(error=error), last=True)
        return isinstance(failure, Exception)
