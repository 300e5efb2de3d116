"""The Triton that the benchmarks measure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.triton_process import lay_out, running_triton


@contextmanager
def triton(repository: Path) -> Iterator[int]:
    """Serve a model repository, and give the port of HTTP once all models are ready.

    Raises:
        RuntimeError: a model does not load; the log tells why.
    """
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        with running_triton(Path(folder), repository) as server:
            server.wait_until_ready()
            yield server.http
