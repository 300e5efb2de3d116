"""Closed-loop load: a number of requests in flight, each answered one replaced at once.

The load shares the cores with what it measures. So a request's bytes are made beforehand, of an
answer only the end is looked for, and one thread serves all connections.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import NamedTuple

READ_BYTES = 1 << 20
ANSWER_SECONDS = 60
LAST_CHUNK = b"0\r\n\r\n"


class Load(NamedTuple):
    """What a load found."""

    rate: float
    """Answers per second."""
    latency: float
    """Median seconds of a request."""
    p99: float
    """Seconds that one request in a hundred takes longer than."""

    @classmethod
    def of(cls, latencies: list[float], seconds: float) -> Load:
        """Summarise the latencies of the requests that were answered in some seconds."""
        slowest = sorted(latencies)[-1 - len(latencies) // 100]
        return cls(len(latencies) / seconds, statistics.median(latencies), slowest)


class Connection:
    """A connection that is kept, and the request that is on its way."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.request = request

    def begin(self) -> None:
        """Send the request anew, as far as the system takes it."""
        self.unsent = memoryview(self.request)
        self.head = b""
        self.chunk = b""
        self.missing: int | None = None
        self.began = time.perf_counter()
        self.send()

    def send(self) -> None:
        """Send more of the request."""
        with suppress(BlockingIOError):
            self.unsent = self.unsent[self.socket.send(self.unsent) :]

    def receive(self) -> bool:
        """Read what has come, and tell whether that ends the answer.

        Raises:
            ConnectionError: the server refuses the request, or hangs up.
        """
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError(f"the server hangs up after {self.head!r}")
        if b"\r\n\r\n" not in self.head:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return False
            if head.split(b" ", 2)[1] != b"200":
                raise ConnectionError(f"the server answers {self.head[:1000]!r}")
            length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self.missing = int(length) if length else None
        if self.missing is None:
            self.chunk = (self.chunk + data)[-len(LAST_CHUNK) :]
            return self.chunk == LAST_CHUNK
        self.missing -= len(data)
        return self.missing == 0


def over_http(port: int, request: bytes, concurrency: int, seconds: float) -> Load:
    """Ask a server again and again, over as many connections as shall be busy at once.

    No request is begun after so many seconds, and those that were begun are waited for.

    Raises:
        ConnectionError: the server refuses a request, or hangs up.
        TimeoutError: no answer comes for long.
    """
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector, ExitStack() as stack:

        def begin(connection: Connection) -> None:
            connection.begin()
            if connection.unsent:
                selector.modify(connection.socket, READ_AND_WRITE, connection)

        for _ in range(concurrency):
            connection = Connection(port, request)
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        for key in list(selector.get_map().values()):
            begin(key.data)
        while selector.get_map():
            events = selector.select(ANSWER_SECONDS)
            if not events:
                raise TimeoutError(f"no answer for {ANSWER_SECONDS} s")
            for key, event in events:
                connection = key.data
                if event & selectors.EVENT_WRITE:
                    connection.send()
                    if not connection.unsent:
                        selector.modify(connection.socket, selectors.EVENT_READ, connection)
                if event & selectors.EVENT_READ and connection.receive():
                    now = time.perf_counter()
                    latencies.append(now - connection.began)
                    if now - started < seconds:
                        begin(connection)
                    else:
                        selector.unregister(connection.socket)
        return Load.of(latencies, time.perf_counter() - started)


READ_AND_WRITE = selectors.EVENT_READ | selectors.EVENT_WRITE


def in_process(call: Callable[[], object], concurrency: int, seconds: float) -> Load:
    """Call a function again and again, in as many threads as shall be busy at once."""
    latencies: list[float] = []

    def work() -> None:
        while (began := time.perf_counter()) - started < seconds:
            call()
            latencies.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load.of(latencies, time.perf_counter() - started)


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of an HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "\r\n"]).encode() + body
