"""What several modules say of check mode, differences and second runs."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments by the kind of module."""

    AWS_RESOURCE = r"""
attributes:
  check_mode:
    description: Changes nothing and reports what would change, in an empty account too.
    support: full
  diff_mode:
    description: Returns the managed fields before and after.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
"""

    READER = r"""
attributes:
  check_mode:
    description: The module only reads, so it does the same in check mode.
    support: full
  diff_mode:
    description: Nothing changes, so there is no difference to show.
    support: none
  idempotent:
    description: Asking again changes nothing.
    support: full
"""
