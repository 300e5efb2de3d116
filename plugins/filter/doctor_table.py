"""Filters: what the doctor found of each part, as a table and as a sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WIDTH = 112
COLUMNS = ("part", "result")


def doctor_table(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay all findings out; those that are not well with what to do, and what was logged last."""
    parts = max(len(finding["part"]) for finding in [{"part": COLUMNS[0]}, *findings])
    indent = " " * (parts + len("not ok") + 4)
    lines = [f"{COLUMNS[0]:<{parts}}  {COLUMNS[1]:<6}  found", "-" * WIDTH]
    for finding in findings:
        head = f"{finding['part']:<{parts}}  {'ok' if finding['well'] else 'not ok':<6}  "
        lines += wrapped(finding["found"], head, indent)
        if not finding["well"]:
            lines += wrapped(finding["advice"], f"{indent}do: ", f"{indent}    ")
            if finding.get("log"):
                lines.append(f"{indent}it logged last ({finding['log_file']}):")
                lines += [f"{indent}| {line}"[:WIDTH] for line in finding["log"]]
    return lines


def wrapped(text: str, head: str, indent: str) -> list[str]:
    """Break a sentence into lines; commands and addresses stay whole."""
    return textwrap.wrap(
        text,
        width=WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def doctor_failure(findings: Sequence[Mapping[str, Any]]) -> str:
    """Name the parts that are not well; nothing where all are."""
    ill = [finding["part"] for finding in findings if not finding["well"]]
    if not ill:
        return ""
    return f"Not well: {', '.join(ill)} ({len(ill)} of {len(findings)}); see the table above."


class FilterModule:
    """Offer the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"doctor_table": doctor_table, "doctor_failure": doctor_failure}
