"""How modules wait for AWS."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of a wait; each module says itself what it waits for."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 1800
  poll_interval:
    description: Seconds between two looks at the state.
    type: int
    default: 10
"""
