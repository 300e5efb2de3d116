"""Ask every model of a Triton server for its canary answer: exit 0 only if all of them give it.

Triton reports itself and its models ready while the process behind a model is dead, so the pod's
readiness rests on answers. The request of a model is the file canary.json in its directory:

    {"endpoint": "infer" | "generate" | "generate_stream",
     "headers": {...},              optional
     "body": {...}}                 or "body_base64": "..." for a raw body
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PORT = 8000


def ask(host: str, model: str, canary: dict[str, Any]) -> str | None:
    """Send one model its canary request.

    Returns what is wrong with the answer, or None. Raises OSError or http.client.HTTPException
    if there is no answer.
    """
    if "body_base64" in canary:
        body = base64.b64decode(canary["body_base64"])
    else:
        body = json.dumps(canary["body"]).encode()
    connection = http.client.HTTPConnection(host, PORT)
    try:
        path = f"/v2/models/{model}/{canary['endpoint']}"
        connection.request("POST", path, body, canary.get("headers", {}))
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != 200:
        return f"HTTP {response.status}: {answer.decode(errors='replace').strip()}"
    if canary["endpoint"] == "generate_stream":
        for line in answer.decode().splitlines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                if "error" in event:
                    return str(event["error"])
    return None


def ask_all(host: str, models: Path) -> list[str]:
    """Ask the models one after the other; return one sentence per failure."""
    files = sorted(models.glob("*/canary.json"))
    if not files:
        return [f"no model below {models} has a canary.json"]
    failures: list[str] = []
    for file in files:
        model = file.parent.name
        try:
            reason = ask(host, model, json.loads(file.read_text()))
        except TimeoutError:
            return [*failures, f"{model}: no answer in time"]
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            reason = f"{type(error).__name__}: {error}"
        if reason is not None:
            failures.append(f"{model}: {reason}")
    return failures


def main() -> int:
    """Read the arguments, ask the server at POD_IP, print the failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True, help="the model repository")
    parser.add_argument(
        "--timeout", type=float, required=True, help="seconds for all models together"
    )
    arguments = parser.parse_args()

    def expire(*_: object) -> None:
        raise TimeoutError

    # A socket's own time-out starts anew with each byte; the alarm bounds the whole run.
    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, arguments.timeout)
    failures = ask_all(os.environ["POD_IP"], arguments.models)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
