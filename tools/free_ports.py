"""Find ports for one more local stack, so that any number of them run side by side.

Usage: ``python tools/free_ports.py`` prints a ``local_stack_port_offset``.
"""

from __future__ import annotations

import os
import runpy
import socket
from contextlib import ExitStack
from pathlib import Path

DICTIONARY = Path(__file__).resolve().parents[1] / "plugins" / "filter" / "local_ports.py"
PORTS: dict[str, int] = runpy.run_path(str(DICTIONARY))["PORTS"]
"""The ports of a stack whose ``local_stack_port_offset`` is 0, by what listens there."""
BASES = tuple(PORTS.values())
USERS = frozenset(base + 10000 for base in BASES)
"""The ports of the user's own stack, also while it does not run."""
OFFSETS = tuple(
    offset
    for offset in range(11000, 22000, 20)
    if USERS.isdisjoint(base + offset for base in BASES)
)
"""Below the ports that outgoing connections get."""


def free_offset() -> int:
    """Return a ``local_stack_port_offset`` none of whose ports is taken.

    Processes begin to look in different places, so that two that look at once find two.

    Raises:
        OSError: every offset has a port that is taken.
    """
    start = os.getpid() % len(OFFSETS)
    for offset in (*OFFSETS[start:], *OFFSETS[:start]):
        if all_free(offset):
            return offset
    raise OSError(f"no offset from {OFFSETS[0]} to {OFFSETS[-1]} has its ports free")


def all_free(offset: int) -> bool:
    """Tell whether each port can be had on 127.0.0.1."""
    with ExitStack() as stack:
        for base in BASES:
            server = stack.enter_context(socket.socket())
            # As the stack's servers: a port whose last connections are still being closed is free.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(("127.0.0.1", base + offset))
            except OSError:
                return False
    return True


if __name__ == "__main__":
    print(free_offset())
