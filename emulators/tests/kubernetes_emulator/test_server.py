"""What the server reads of a request."""

from __future__ import annotations

import http.client
import json

from kubernetes_emulator.server import Server


def test_a_chunked_body_is_read_whole_and_the_connection_goes_on(server: Server) -> None:
    connection = http.client.HTTPConnection(server.host, timeout=10)
    body = json.dumps({"kind": "Namespace", "metadata": {"name": "in-chunks"}}).encode()
    pieces = iter([body[:7], body[7:]])
    connection.request("POST", "/api/v1/namespaces", pieces, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["metadata"]["name"]) == (201, "in-chunks")
    connection.request("DELETE", "/api/v1/namespaces/in-chunks")
    assert connection.getresponse().status == 200
    connection.close()
