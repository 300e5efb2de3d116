"""Services on local ports: TCP connections are passed on to a ready pod."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

log = logging.getLogger(__name__)

Address = tuple[str, int]


class Pipe(asyncio.Protocol):
    """One end of a forwarded connection: what it receives goes out at the other end."""

    def __init__(self, other: Pipe | None = None) -> None:
        self.other = other
        self.ended = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on."""
        if self.other:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of the data on, and keep this end open for what may still come back."""
        self.ended = True
        if not self.other:
            return True
        self.other.transport.write_eof()
        return not self.other.ended

    def pause_writing(self) -> None:
        """This end is slow: read no more at the other."""
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This end has caught up."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Close the other end too, once it has sent what it was given."""
        if self.other:
            self.other.transport.close()


class Port(Pipe):
    """The client's end of a new connection, which is joined to the next endpoint in turn.

    A client may speak before the join. What it says is kept, and reading is paused from there on:
    the socket holds the rest, so that no more than one read is ever kept. Pausing earlier, in
    ``connection_made``, has no effect before Python 3.11.3, where asyncio only then begins to read.
    """

    def __init__(self, published: Published) -> None:
        super().__init__()
        self._published = published
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to join."""
        super().connection_made(transport)
        self._joining = asyncio.create_task(self._join())

    def data_received(self, data: bytes) -> None:
        """Pass data on, or keep it until there is somewhere to send it."""
        if not self.other:
            self._early += data
            self.transport.pause_reading()
        super().data_received(data)

    async def _join(self) -> None:
        try:
            address, port = self._published.next_endpoint()
            loop = asyncio.get_running_loop()
            upstream, pipe = await loop.create_connection(lambda: Pipe(self), address, port)
        except (LookupError, OSError) as error:
            log.warning("%s: %s", self._published.name, error)
            self.transport.abort()
            return
        if self.transport.is_closing():
            upstream.close()
            return
        self.other = pipe
        # Before the write, which pauses again where the endpoint does not keep up.
        self.transport.resume_reading()
        upstream.write(self._early)
        if self.ended:
            upstream.write_eof()


class Published:
    """A local port which is open as long as its Service has ready endpoints."""

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self._address = address
        self._endpoints: list[Address] = []
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._serve())

    def next_endpoint(self) -> Address:
        """The endpoint for the next connection; raises LookupError when there is none."""
        if not self._endpoints:
            raise LookupError("no ready endpoint")
        self._turn += 1
        return self._endpoints[self._turn % len(self._endpoints)]

    def update(self, endpoints: list[Address]) -> None:
        """Send new connections to these endpoints; those that are open stay as they are."""
        self._endpoints = endpoints
        self._changed.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._endpoints and not self._server:
                try:
                    self._server = await loop.create_server(lambda: Port(self), *self._address)
                except OSError as error:
                    log.error("%s: %s; trying again", self.name, error)
                    loop.call_later(5, self._changed.set)
            elif self._server and not self._endpoints:
                self._server.close()
                self._server = None
