"""The reconciling thread: one pass over everything after each batch of events."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from . import nodes, scheduler
from .client import ApiError
from .cluster import RESOURCES, Cluster
from .controllers import RECONCILERS
from .objects import Object

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
BATCH_SECONDS = 0.005


class Manager(threading.Thread):
    """Keeps the cache, and reconciles: nodes, controllers, scheduler, and then ``after_pass``.

    A pass looks at the whole cache and writes only what differs, so it needs no memory of what
    has changed, and what went wrong once is tried again.
    """

    def __init__(self, cluster: Cluster, own: list[Object], after_pass: Callable[[], None]) -> None:
        super().__init__(name="manager", daemon=True)
        self._cluster = cluster
        self._own = own
        self._after_pass = after_pass
        self._queue: SimpleQueue[tuple[str, str, Any]] = SimpleQueue()
        self._stopping = False

    def run(self) -> None:
        """Watch every kind, and reconcile once all are known."""
        for kind in RESOURCES:
            threading.Thread(target=self._follow, args=(kind,), daemon=True).start()
        unknown = set(RESOURCES)
        while unknown and not self._stopping:
            unknown -= self._take(None)
        while not self._stopping:
            self._pass()
            self._after_pass()
            self._take(self._cluster.next_wake())

    def stop(self) -> None:
        """End after the pass that is under way."""
        self._stopping = True
        self._cluster.client.close()
        self._queue.put(("", "", None))
        self.join()

    def _follow(self, kind: str) -> None:
        for change, data in self._cluster.client.watch(RESOURCES[kind]):
            self._queue.put((kind, change, data))

    def _take(self, timeout: float | None) -> set[str]:
        """Wait for an event, and take all that are there into the cache; return their kinds."""
        kinds: set[str] = set()
        try:
            event = self._queue.get(timeout=timeout)
            time.sleep(BATCH_SECONDS)
            while event[0]:
                self._cluster.apply(*event)
                kinds.add(event[0])
                event = self._queue.get_nowait()
        except Empty:
            pass
        return kinds

    def _pass(self) -> None:
        for node in self._own:
            self._attempt(f"node {node['name']}", partial(nodes.reconcile, self._cluster, node))
        for kind, reconcile in RECONCILERS:
            for obj in self._cluster.select(kind):
                what = f"{kind} {obj['metadata']['name']}"
                self._attempt(what, partial(reconcile, self._cluster, obj))
        self._attempt("scheduler", partial(scheduler.schedule, self._cluster))

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        """Do one object's part; what fails is logged and tried again, and stops nothing else."""
        if self._stopping:
            return
        try:
            action()
        except ApiError as error:
            # A conflict says that the cache is behind; the event to come brings the next pass.
            level = logging.DEBUG if error.status in (404, 409) else logging.WARNING
            log.log(level, "%s: %s", what, error)
            self._cluster.wake(RETRY_SECONDS)
        except Exception:
            log.exception("%s", what)
            self._cluster.wake(10 * RETRY_SECONDS)
