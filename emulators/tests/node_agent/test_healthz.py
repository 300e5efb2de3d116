"""The agent's health page answers once it has read the whole request."""

from __future__ import annotations

import asyncio

import pytest
from node_agent.__main__ import answer_ok


class Writer:
    """Keeps what is written; stands for an asyncio.StreamWriter."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


async def answers_to(*pieces: bytes) -> list[bytes]:
    """Return what was written after each piece of a request, and after its end."""
    reader, writer = asyncio.StreamReader(), Writer()
    task = asyncio.create_task(answer_ok(reader, writer))  # type: ignore[arg-type]
    seen = []
    for piece in pieces:
        reader.feed_data(piece)
        # Once for the task to begin, and once for it to go on with what has come.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append(writer.written)
    reader.feed_eof()
    await task
    assert writer.closed
    return [*seen, writer.written]


def test_nothing_is_answered_before_the_request_is_complete() -> None:
    first, second, _ = asyncio.run(answers_to(b"GET / HTTP/1.1\r\n", b"Host: agent\r\n\r\n"))
    assert first == b""
    assert second.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("request_", [b"", b"GET / HTTP/1.1\r\n"])
def test_half_a_request_is_not_answered(request_: bytes) -> None:
    assert set(asyncio.run(answers_to(request_))) == {b""}
