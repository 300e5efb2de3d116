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


PASSES = (sys.executable, "-c", "print('all is well')")
FAILS = (sys.executable, "-c", "raise SystemExit(3)")


def test_a_failed_check_is_counted_and_the_next_still_runs(
    gate: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    assert gate.run([{"first": FAILS, "second": PASSES}]) == 1
    output = capfd.readouterr().out
    assert "all is well" in output
    assert "1 passed, 1 failed" in output


def test_lanes_run_side_by_side_and_keep_their_output_together(
    gate: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def waits_for(other: str, own: str) -> tuple[str, str, str]:
        return (
            sys.executable,
            "-c",
            "import pathlib, time\n"
            f"pathlib.Path({str(tmp_path / own)!r}).touch()\n"
            "deadline = time.monotonic() + 30\n"
            f"while not pathlib.Path({str(tmp_path / other)!r}).exists():\n"
            "    assert time.monotonic() < deadline\n"
            "    time.sleep(0.01)\n"
            f"print({own!r}, 'begins', flush=True)\n"
            f"print({own!r}, 'ends')\n",
        )

    lanes = [
        {"left": waits_for("right", "left"), "last": FAILS},
        {"right": waits_for("left", "right")},
    ]
    assert gate.run(lanes) == 1
    output = capsys.readouterr().out
    assert "=== left says\nleft begins\nleft ends\n" in output
    assert "=== right says\nright begins\nright ends\n" in output
    assert "2 passed, 1 failed" in output


def test_the_exit_code_says_so(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LANES", [{"forced": FAILS}, {"other": PASSES}])
    assert gate.main([]) == 1
    assert gate.main(["forced"]) == 1
    assert gate.main(["other"]) == 0


def test_an_unknown_check_is_refused(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["mollecule"]) == 2
    assert "no such check: mollecule; there are integration, unit" in capsys.readouterr().out
