"""What EKS and Kubernetes take for a node group: its sizes, its taints, its labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

SIZES_ALLOWED = "0 <= min_size <= desired_size <= max_size, and max_size at least 1"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
# Kubernetes and EKS set these themselves, and EKS refuses them.
RESERVED = re.compile(r"(.*\.)?(kubernetes\.io|k8s\.io|eks\.amazonaws\.com)")


def sizes_fit(sizes: Mapping[str, int | None]) -> bool:
    """Tell whether sizes are in order; one that is left out, or None, is left to others."""
    known = [sizes.get(name) for name in ("min_size", "desired_size", "max_size")]
    ordered = [0, *(size for size in known if size is not None)]
    return ordered == sorted(ordered) and sizes.get("max_size") != 0


def labels_fit(labels: Mapping[str, Any]) -> bool:
    """Tell whether nodes may have these labels."""
    return all(key_fits(key) and value_fits(str(value)) for key, value in labels.items())


def taints_fit(taints: Iterable[Mapping[str, str]]) -> bool:
    """Tell whether nodes may have these taints; key and effect together name one."""
    names = [(taint["key"], taint["effect"]) for taint in taints]
    return len(names) == len(set(names)) and all(
        key_fits(taint["key"]) and value_fits(taint.get("value", "")) for taint in taints
    )


def key_fits(key: str) -> bool:
    """Tell whether a key is one of a label or a taint, and of no reserved domain."""
    domain, slash, name = key.rpartition("/")
    if slash and (not DOMAIN.fullmatch(domain) or RESERVED.fullmatch(domain)):
        return False
    return NAME.fullmatch(name) is not None


def value_fits(value: str) -> bool:
    """Tell whether a value is one of a label or a taint; it may be empty."""
    return value == "" or NAME.fullmatch(value) is not None
