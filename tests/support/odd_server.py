"""Servers that do one odd thing with every connection, on a free port of 127.0.0.1."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket], None]


def close_at_once(_connection: socket.socket) -> None:
    """Accept, and go."""


def close_after_the_request(connection: socket.socket) -> None:
    """Read what is asked, and go."""
    connection.recv(4096)


def say(answer: bytes) -> Behaviour:
    """Answer everything with the same bytes."""

    def behaviour(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return behaviour


def stay_silent(connection: socket.socket) -> None:
    """Take all that comes, and say nothing until the other end has gone."""
    while connection.recv(4096):
        pass


@contextmanager
def odd_server(behaviour: Behaviour) -> Iterator[int]:
    """Run a server; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            # Closing the listener ends the loop.
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                behaviour(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
