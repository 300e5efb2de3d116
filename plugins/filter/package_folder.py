"""Filter: where a Python package of the controller is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec


def package_folder(name: str) -> str:
    """Return the folder of a package that the running Python can import, empty if it cannot.

    The package is found, not imported.
    """
    spec = find_spec(name)
    locations = spec.submodule_search_locations if spec and spec.origin else None
    return str(locations[0]) if locations else ""


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by name."""
        return {"package_folder": package_folder}
