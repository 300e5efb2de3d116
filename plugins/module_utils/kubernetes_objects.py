"""Objects of the core API, such as a namespace and what is in it: applied, and deleted again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .changes import Facts, change, changes_of

# Sends one request: method, path, then body and query by name -> the answer, or None where there is
# no such object.
Send = Callable[..., Any]

POLL_SECONDS = 1
APPLY = {"fieldManager": "mlops.gpu_platform", "force": "true"}


class Objects:
    """Objects of one cluster. Server-side apply leaves the fields alone that only others set."""

    def __init__(self, send: Send, dry_run: bool, clock: Any = time) -> None:
        """Work by ``send``; with ``dry_run`` nothing is written."""
        self._send = send
        self._dry_run = dry_run
        self._clock = clock

    def apply(self, manifest: Facts) -> list[Facts]:
        """Create or update an object; return the changes."""
        path = path_of(manifest)
        before = self._send("GET", path)
        if before is None and self._dry_run:
            # Its namespace may be one that is not there yet either.
            after = manifest
        else:
            query = APPLY | ({"dryRun": "All"} if self._dry_run else {})
            after = self._send("PATCH", path, body=manifest, query=query)
        return changes_of(manifest["kind"], title_of(manifest), facts(before), facts(after))

    def delete(self, manifest: Facts, timeout: int) -> list[Facts]:
        """Delete an object and wait until it is gone; return the changes.

        Raises:
            TimeoutError: it is still there.
        """
        path, title = path_of(manifest), title_of(manifest)
        before = self._send("GET", path)
        if before is None:
            return []
        if not self._dry_run:
            self._send("DELETE", path)
            deadline = self._clock.monotonic() + timeout
            while self._send("GET", path) is not None:
                if self._clock.monotonic() > deadline:
                    raise TimeoutError(
                        f"{manifest['kind']} {title} is still there after {timeout} s"
                    )
                self._clock.sleep(POLL_SECONDS)
        return [change(manifest["kind"], title, facts(before), {})]


def path_of(manifest: Facts) -> str:
    """Return where the API has an object of the core group."""
    metadata = manifest["metadata"]
    folder = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"/api/v1/{folder}{manifest['kind'].lower()}s/{metadata['name']}"


def title_of(manifest: Facts) -> str:
    """Return the name of an object, with its namespace where it is in one."""
    metadata = manifest["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def facts(item: Facts | None) -> Facts:
    """Return what somebody wants of an object, without what the server keeps of it."""
    if item is None:
        return {}
    metadata = item["metadata"]
    wanted = {name: metadata.get(name) or {} for name in ("annotations", "labels")}
    return wanted | {"name": metadata["name"], "data": item.get("data") or {}}
