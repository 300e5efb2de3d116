"""Set-up says in one line what is missing, and runs again without doing anything twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def set_up(
    load_tool: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    module = load_tool("set_up")
    monkeypatch.setattr(module, "VENV", tmp_path)
    monkeypatch.setattr(module, "STAMP", tmp_path / "set_up.sha256")
    return module


def test_another_python_is_refused(set_up: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up.sys, "version_info", (3, 10, 0))
    with pytest.raises(set_up.SetUpError, match=r"needs 3\.11 or 3\.12: install one"):
        set_up.check_python()


@pytest.mark.parametrize(
    ("apt", "reason"),
    [("#!/bin/sh\necho no network >&2\nexit 100\n", "no network"), (None, "No such file")],
    ids=["apt fails", "no apt"],
)
def test_what_cannot_be_installed_is_named_with_the_command(
    set_up: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    apt: str | None,
    reason: str,
) -> None:
    for name in ("apt-get", "sudo") if apt else ():
        (tmp_path / name).write_text(str(apt))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        set_up.SetUpError,
        match=f"{reason}.*; install by hand: sudo apt-get install prometheus prometheus-alertm",
    ):
        set_up.install_debian_packages()


@pytest.mark.parametrize(
    ("requires", "notices"), [(["filelock"], False), (["nvidia-cublas-cu13==1"], True)]
)
def test_the_cuda_build_is_noticed(
    set_up: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    requires: list[str],
    notices: bool,
) -> None:
    report = json.dumps({"install": [{"metadata": {"requires_dist": requires}}]})
    monkeypatch.setattr(set_up, "run", lambda *argv: report)
    set_up.install_torch()
    assert ("CUDA build" in capsys.readouterr().out) is notices


def test_a_failure_is_one_line_and_a_second_run_repeats_nothing(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def broken() -> None:
        raise set_up.SetUpError("no such thing: get it there")

    monkeypatch.setattr(set_up, "STEPS", (("one", lambda: done.append("one")), ("two", broken)))
    assert set_up.main() == 1
    assert capsys.readouterr().err == "set-up cannot go on: no such thing: get it there\n"
    monkeypatch.setattr(set_up, "STEPS", (("one", lambda: done.append("one")),))
    assert set_up.main() == 0
    assert set_up.main() == 0
    assert done == ["one", "one"]
