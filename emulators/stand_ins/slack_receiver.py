"""Receive messages in the format of Slack's incoming webhooks and keep them.

``POST`` to any path takes a message, ``GET`` lists all that were taken. Answers to a bad message
are Slack's own. Standard library only, loopback only.
"""

from __future__ import annotations

import argparse
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import disk


def refusal(message: Any) -> str | None:
    """Return Slack's error code for a message, or None if Slack would post it."""
    if not isinstance(message, dict) or not isinstance(message.get("text", ""), str):
        return "invalid_payload"
    for key in ("attachments", "blocks"):
        parts = message.get(key, [])
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            return f"invalid_{key}"
    if not any(message.get(key) for key in ("text", "attachments", "blocks")):
        return "no_text"
    return None


class Receiver(ThreadingHTTPServer):
    """An HTTP server that appends each message to ``store``, one line of JSON a message.

    A client that sends nothing holds up no other. Raises OSError if the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int, store: Path) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        store.touch()
        self.store = store
        self.storing = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One request to the receiver."""

    server: Receiver
    # Seconds after which a client that sends nothing is let go.
    timeout = 5

    def do_POST(self) -> None:
        """Keep a message, or refuse it as Slack does."""
        try:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        except ValueError:
            message = None
        error = refusal(message)
        if error:
            self._answer(HTTPStatus.BAD_REQUEST, "text/plain", error)
            return
        try:
            with self.server.storing:
                disk.append(self.server.store, json.dumps(message))
        except OSError as failure:
            # Alertmanager sends again what a server could not take.
            reason = f"cannot write {self.server.store}: {failure.strerror}"
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", reason)
            return
        self._answer(HTTPStatus.OK, "text/plain", "ok")

    def do_GET(self) -> None:
        """List the messages, oldest first."""
        lines = self.server.store.read_text(encoding="utf-8").splitlines()
        self._answer(HTTPStatus.OK, "application/json", f"[{','.join(lines)}]")

    def _answer(self, status: HTTPStatus, content_type: str, body: str) -> None:
        payload = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", type=Path, required=True, help="file of the messages")
    options = parser.parse_args()
    Receiver(options.port, options.store).serve_forever()


if __name__ == "__main__":
    disk.outlive_full_logs()
    main()
