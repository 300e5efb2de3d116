"""Ask every model of a Triton server for a golden answer: exit 0 only if all of them give it.

Triton reports itself and its models ready while the process behind a model is dead, so the pod's
readiness rests on answers. What to ask a version, and what it is to answer, is in the golden.json
of its directory; golden.py, which lies beside this file, explains it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
from pathlib import Path

from golden import HEADER_LENGTH, Golden, GoldenError

PORT = 8000


class AnswerError(Exception):
    """Triton answered that it cannot."""


def post(host: str, path: str, headers: dict[str, str], body: bytes) -> tuple[bytes, str | None]:
    """Send a request and return the answer's body and where its JSON ends.

    Raises:
        AnswerError: the answer is not 200.
        OSError, http.client.HTTPException: there is none.
    """
    connection = http.client.HTTPConnection(host, PORT)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise AnswerError(f"HTTP {response.status}: {content.decode(errors='replace').strip()}")
    return content, response.getheader(HEADER_LENGTH)


def ready_versions(host: str) -> dict[str, list[str]]:
    """Return the versions that the server calls ready, by model."""
    content, _ = post(host, "/v2/repository/index", {}, b"{}")
    versions: dict[str, list[str]] = {}
    for entry in json.loads(content):
        if entry.get("state") == "READY":
            versions.setdefault(entry["name"], []).append(entry["version"])
    return versions


def ask(host: str, model: str, version: str, file: Path) -> str | None:
    """Ask a version its first golden case, and return what is wrong with the answer, or None.

    The first says that the process lives and the right model is in it, at a cost that does not grow
    with the number of cases. All of them are asked by triton_health after a roll-out.
    """
    case = Golden.read(file).cases[0]
    path = f"/v2/models/{model}/versions/{version}/{case.endpoint}"
    return case.check(*post(host, path, *case.request()))


def ask_all(host: str, models: Path) -> list[str]:
    """Ask the models one after the other; return one sentence per failure."""
    names = sorted({file.parts[-3] for file in models.glob("*/*/golden.json")})
    if not names:
        return [f"no model below {models} has a golden.json"]
    failures: list[str] = []
    about = "the server"
    try:
        ready = ready_versions(host)
        failures += [f"{name}: no version is ready" for name in names if name not in ready]
        for model in names:
            for version in ready.get(model, []):
                about = f"{model}, version {version}"
                try:
                    reason = ask(host, model, version, models / model / version / "golden.json")
                except (AnswerError, GoldenError) as error:
                    reason = str(error)
                if reason is not None:
                    failures.append(f"{about}: {reason}")
    except TimeoutError:
        failures.append(f"{about}: no answer in time")
    except (AnswerError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        failures.append(f"{about}: {type(error).__name__}: {error}")
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
