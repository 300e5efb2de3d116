"""The clock on the wall, which may be set and which goes on in sleep, only tells when things were.

How long something takes, and until when to wait, is measured by ``time.monotonic``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WALL_CLOCKS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "moto.core.utils.utcnow",
    "time.time",
    "time.time_ns",
}
EMULATED_AWS = "emulators/aws_emulator"
KUBERNETES = "emulators/kubernetes_emulator"
ALLOWED = {
    "plugins/module_utils/models/release.py": "when a model was released",
    "emulators/node_agent/objects.py": "the times in Kubernetes' objects",
    f"{KUBERNETES}/api.py": "the times in Kubernetes' objects",
    f"{KUBERNETES}/storage/store.py": "the revision that a run begins with",
    f"{KUBERNETES}/wire/tables.py": "the ages that kubectl shows",
    f"{EMULATED_AWS}/http/request_log.py": "when a request came",
    f"{EMULATED_AWS}/eks/access_entries.py": "the times in AWS's answers",
    f"{EMULATED_AWS}/eks/addons.py": "the times in AWS's answers",
    f"{EMULATED_AWS}/eks/call.py": "the times in AWS's answers",
    f"{EMULATED_AWS}/eks/insights.py": "the times in AWS's answers",
    f"{EMULATED_AWS}/eks/nodegroups.py": "the times in AWS's answers",
    f"{EMULATED_AWS}/eks/pod_identity.py": "the times in AWS's answers",
}


def clocks(code: str) -> Iterator[str]:
    """Yield the clocks that code reads or imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ".".join(ast.unparse(node).split(".")[-2:])


def test_the_clock_on_the_wall_is_read_only_for_what_is_written_down() -> None:
    files = [
        path
        for folder in ("plugins", "roles", "emulators", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts and WALL_CLOCKS & set(clocks(path.read_text(encoding="utf-8")))
    ]
    assert {str(path.relative_to(ROOT)) for path in files} == set(ALLOWED)


def test_every_way_to_ask_is_seen() -> None:
    code = "import datetime, time\nfrom time import time\ndatetime.datetime.now(), time.time_ns()"
    assert WALL_CLOCKS & set(clocks(code)) == {"datetime.now", "time.time", "time.time_ns"}
