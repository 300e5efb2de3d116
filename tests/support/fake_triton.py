"""A small HTTP server with recorded answers, in the place of Triton."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Server(ThreadingHTTPServer):
    """A server that keeps the tests' output clean."""

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up or refuse a handshake."""


class FakeTriton:
    """Answers on a free port of 127.0.0.1; what it was not taught, it refuses.

    Args:
        tls: how to speak TLS, if it is to.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.requests.append((self.path, dict(self.headers), body))
                answers = fake.answers.get(self.path)
                if not answers:
                    status, answer = 400, json.dumps({"error": f"not taught: {self.path}"}).encode()
                else:
                    status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                if answer.startswith(b"{"):
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self) -> None:
                self.do_POST()

            def do_PATCH(self) -> None:
                self.do_POST()

            def do_DELETE(self) -> None:
                self.do_POST()

            def log_message(self, *_: Any) -> None:
                """Keep the tests' output clean."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}"
        if tls:
            # The handshake is left to the thread of the request: a client may refuse it.
            self.server.socket = tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def teach(self, path: str, *answers: Any, status: int = 200) -> None:
        """Answer a path with JSON documents or bytes, in turn; the last one again and again."""
        self.answers[path] = [
            (status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
            for answer in answers
        ]

    def teach_models(self, **states: str) -> None:
        """Fill the repository index with models, as name=state."""
        index = [
            {
                "name": name,
                "version": "1",
                "state": state,
                "reason": "" if state == "READY" else "no",
            }
            for name, state in states.items()
        ]
        self.teach("/v2/repository/index", index)


def events(*fields: dict[str, Any]) -> bytes:
    """Return server-sent events."""
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in fields)
