"""Filter: what is wrong with a schedule expression of EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.expression import (
    expression_problem,
)


def schedule_problem(expression: object) -> str:
    """Return what is wrong with an expression, or nothing."""
    if not isinstance(expression, str):
        return "it must be a string"
    return expression_problem(expression) or ""


class FilterModule:
    """Offer the filter to Ansible."""

    def filters(self) -> dict[str, Callable[[object], str]]:
        """Return the filter by name."""
        return {"schedule_problem": schedule_problem}
