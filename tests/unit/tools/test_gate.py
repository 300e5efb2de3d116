"""The gate fails when one check fails, and still runs the others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def gate(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("gate")


def test_a_failed_check_is_counted_and_the_next_still_runs(
    gate: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    written = tmp_path / "second ran"
    failed = gate.run(
        {
            "first": (sys.executable, "-c", "raise SystemExit(3)"),
            "second": (sys.executable, "-c", f"open({str(written)!r}, 'w')"),
        }
    )
    assert failed == 1
    assert written.exists()
    assert "1 passed, 1 failed" in capsys.readouterr().out


def test_the_exit_code_says_so(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CHECKS", {"forced": (sys.executable, "-c", "raise SystemExit(1)")})
    assert gate.main([]) == 1
    assert gate.main(["forced"]) == 1


def test_an_unknown_check_is_refused(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["mollecule"]) == 2
    assert "no such check: mollecule; there are ruff" in capsys.readouterr().out
