"""A published port passes every byte on, whatever comes first: the client's data or the join."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from node_agent.publish import Pipe, Port, Published


class FakeTransport(asyncio.Transport):
    """Writes down what is asked of it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.calls.append("abort")
        self.closing = True


class Endpoints(Published):
    """A published Service with one endpoint, and no port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self.name = "test/app:http"
        self._endpoint = host, port

    def next_endpoint(self) -> tuple[str, int]:
        return self._endpoint


class Scene:
    """A client's end and an endpoint, both fake; ``join`` lets the connection to it be made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client, self.upstream = FakeTransport(), FakeTransport()
        self.port = Port(Endpoints("127.0.0.1", 1))
        self._connected = asyncio.Event()
        self.error: OSError | None = None
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "create_connection", self._connect)
        self.port.connection_made(self.client)

    async def _connect(self, factory: Callable[[], Pipe], *_: object) -> tuple[FakeTransport, Pipe]:
        await self._connected.wait()
        if self.error:
            raise self.error
        pipe = factory()
        pipe.connection_made(self.upstream)
        return self.upstream, pipe

    async def join(self) -> None:
        self._connected.set()
        await self.port._joining


Play = Callable[[Scene], Awaitable[None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], Scene]:
    """Return a function that runs a test's part in an event loop, and returns its scene."""

    async def run(part: Play) -> Scene:
        scene = Scene(monkeypatch)
        await part(scene)
        return scene

    return lambda part: asyncio.run(run(part))


def test_data_before_the_join_is_kept_and_sent_first(play: Callable[[Play], Scene]) -> None:
    async def part(scene: Scene) -> None:
        scene.port.data_received(b"GET / ")
        assert scene.client.calls == ["pause_reading"]
        await scene.join()
        scene.port.data_received(b"HTTP/1.1")

    scene = play(part)
    assert scene.upstream.written == b"GET / HTTP/1.1"
    assert scene.client.calls == ["pause_reading", "resume_reading"]


def test_a_client_that_waits_for_the_join_is_never_paused(play: Callable[[Play], Scene]) -> None:
    async def part(scene: Scene) -> None:
        await scene.join()
        scene.port.data_received(b"GET /")

    scene = play(part)
    assert scene.upstream.written == b"GET /"
    assert "pause_reading" not in scene.client.calls


def test_an_end_before_the_join_follows_the_data(play: Callable[[Play], Scene]) -> None:
    async def part(scene: Scene) -> None:
        scene.port.data_received(b"bye")
        scene.port.eof_received()
        await scene.join()

    scene = play(part)
    assert (scene.upstream.written, scene.upstream.calls) == (b"bye", ["write_eof"])


def test_an_end_after_the_join_is_passed_on_once(play: Callable[[Play], Scene]) -> None:
    async def part(scene: Scene) -> None:
        await scene.join()
        scene.port.eof_received()

    assert play(part).upstream.calls == ["write_eof"]


@pytest.mark.parametrize("client_first", [True, False])
def test_an_end_from_both_sides_closes_the_connection(
    play: Callable[[Play], Scene], client_first: bool
) -> None:
    async def part(scene: Scene) -> None:
        await scene.join()
        ends = [scene.port, scene.port.other]
        first, last = ends if client_first else reversed(ends)
        assert first
        assert last
        assert first.eof_received()
        # asyncio closes the transport of an end that is not to be kept open.
        assert not last.eof_received()
        last.connection_lost(None)
        assert first.transport.is_closing()

    scene = play(part)
    assert scene.upstream.calls == ["write_eof"]
    assert scene.client.calls[-1] == "write_eof"


def test_a_client_that_is_gone_before_the_join_leaves_no_connection(
    play: Callable[[Play], Scene],
) -> None:
    async def part(scene: Scene) -> None:
        scene.port.data_received(b"never mind")
        scene.client.closing = True
        scene.port.connection_lost(None)
        await scene.join()

    scene = play(part)
    assert scene.upstream.closing
    assert scene.upstream.written == b""


def test_an_endpoint_that_refuses_breaks_the_connection_off(
    play: Callable[[Play], Scene], caplog: pytest.LogCaptureFixture
) -> None:
    async def part(scene: Scene) -> None:
        scene.error = ConnectionRefusedError("refused")
        await scene.join()

    assert play(part).client.calls == ["abort"]
    assert "test/app:http: refused" in caplog.text


def test_an_endpoint_that_is_slow_pauses_the_client_again(play: Callable[[Play], Scene]) -> None:
    async def part(scene: Scene) -> None:
        scene.port.data_received(b"much")
        upstream = scene.upstream

        def write(data: bytes | bytearray | memoryview) -> None:
            FakeTransport.write(upstream, data)
            Pipe(scene.port).pause_writing()

        upstream.write = write  # type: ignore[method-assign]
        await scene.join()

    assert play(part).client.calls[-1] == "pause_reading"


def test_many_bytes_through_real_sockets_before_the_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 MiB, of which the first are there long before the endpoint is."""
    sent = bytes(range(256)) * 32768

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        received: asyncio.Future[bytes] = loop.create_future()

        async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.set_result(await reader.read(-1))
            writer.close()

        endpoint = await asyncio.start_server(collect, "127.0.0.1", 0)
        published = Endpoints(*endpoint.sockets[0].getsockname())
        connect = loop.create_connection

        async def late(*arguments: Any) -> Any:
            await asyncio.sleep(0.1)
            return await connect(*arguments)

        monkeypatch.setattr(loop, "create_connection", late)
        async with endpoint, await loop.create_server(lambda: Port(published), "127.0.0.1") as port:
            with socket.create_connection(port.sockets[0].getsockname()) as client:
                await asyncio.to_thread(client.sendall, sent)
                client.shutdown(socket.SHUT_WR)
                return await asyncio.wait_for(received, 20)

    assert asyncio.run(run()) == sent
