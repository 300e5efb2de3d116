"""Filter: the ports of a local stack."""

from __future__ import annotations

from collections.abc import Callable

# By what listens there: those of the real programs, where they have one.
PORTS = {
    "chart_repository": 8080,
    "aws": 5000,
    "kubernetes": 6443,
    "kubelet": 10248,
    "slack": 9094,
    "triton_http": 8000,
    "triton_grpc": 8001,
    "triton_metrics": 8002,
    "prometheus": 9090,
    "alertmanager": 9093,
}


def local_ports(offset: int | str) -> dict[str, int]:
    """Return the ports of a stack by what listens there; each offset has ports of its own."""
    return {name: port + int(offset) for name, port in PORTS.items()}


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[[int | str], dict[str, int]]]:
        """Return the filter by name."""
        return {"local_ports": local_ports}
