"""Set-up refuses before it creates anything, and runs again without doing anything twice."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture
def set_up(
    load_tool: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    module = load_tool("set_up")
    monkeypatch.setattr(module, "VENV", tmp_path)
    monkeypatch.setattr(module, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", tmp_path / "set_up.sha256")
    return module


@pytest.mark.parametrize("name", ["set_up", "machine", "pythons", "debian"])
def test_an_old_python_can_read_it(name: str) -> None:
    source = (TOOLS / f"{name}.py").read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    # Python 3.6 does not know `from __future__ import annotations`.
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert "__future__" not in modules


def old_pythons() -> list[Path]:
    """Return the unsupported Pythons from 3.6 on that pyenv has here."""
    folders = sorted(Path.home().glob(".pyenv/versions/3.*/bin"))
    return [
        folder / "python3"
        for folder in folders
        if 6 <= int(folder.parent.name.split(".")[1]) < 11 and (folder / "python3").exists()
    ]


def test_an_old_python_refuses_in_one_line(tmp_path: Path) -> None:
    """Run what this machine has, with no other Python to be seen; none is fine, CI has Ubuntu's."""
    (tmp_path / "tools").mkdir()
    for tool in ("set_up.py", "machine.py", "pythons.py", "debian.py"):
        text = (TOOLS / tool).read_text()
        (tmp_path / "tools" / tool).write_text(text.replace('"/usr/bin"', '"/nowhere"'))
    (tmp_path / "requirements.lock").touch()
    for python in old_pythons():
        ended = subprocess.run(
            [python, tmp_path / "tools" / "set_up.py"],
            env={"PATH": "/nowhere"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr.startswith("set-up cannot go on: this is Python 3.")
        assert ended.stderr.count("\n") == 1
        assert not (tmp_path / ".venv").exists()


def test_a_refusal_comes_before_every_step(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise set_up.SetUpError("no such machine: take another")

    def unreachable() -> None:
        raise AssertionError

    monkeypatch.setattr(set_up, "CHECKS", (refuse, unreachable))
    monkeypatch.setattr(set_up, "STEPS", (("one", unreachable),))
    assert set_up.main() == 1
    said = capsys.readouterr()
    assert said.err == "set-up cannot go on: no such machine: take another\n"
    assert said.out == ""


@pytest.mark.parametrize(("version", "notices"), [((3, 12, 0), False), ((3, 13, 0), True)])
def test_compiling_numpy_is_noticed(
    set_up: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: tuple[int, int, int],
    notices: bool,
) -> None:
    monkeypatch.setattr(set_up.sys, "version_info", version)
    monkeypatch.setattr(set_up, "run", lambda *argv: "")
    set_up.install_packages()
    assert ("compiles it" in capsys.readouterr().out) is notices


def test_an_environment_without_pip_or_of_another_version_is_made_anew(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(set_up, "run", lambda *argv: ran.append(argv))
    make = (set_up.sys.executable, "-m", "venv", "--clear", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    set_up.create_environment()
    assert ran == [make]
    complete(tmp_path / "lib/python3.9/site-packages", "pip-24.0")
    set_up.create_environment()
    assert ran == [make, make]
    library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    complete(tmp_path / "lib" / library / "site-packages", "pip-24.0")
    set_up.create_environment()
    assert ran == [make, make]


def complete(packages: Path, name: str) -> None:
    """Have a package that pip has installed to the end."""
    (packages / f"{name}.dist-info").mkdir(parents=True)
    (packages / f"{name}.dist-info" / "INSTALLER").write_text("pip\n")


def test_a_package_that_pip_left_halfway_is_forgotten(set_up: ModuleType, tmp_path: Path) -> None:
    library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = tmp_path / "lib" / library / "site-packages"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    complete(packages, "pip-24.0")
    (packages / "ansible_core-2.19.14.dist-info").mkdir()
    (packages / "ansible_core-2.19.14.dist-info" / "METADATA").touch()
    set_up.create_environment()
    assert [path.name for path in packages.iterdir()] == ["pip-24.0.dist-info"]


def test_the_emulators_are_installed_as_they_lie_without_asking_an_index(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(set_up, "run", lambda *argv: ran.append(argv))
    set_up.install_emulators()
    [argv] = ran
    assert {"--no-deps", "--no-build-isolation", "--no-index"} < set(argv)
    assert argv[-2:] == ("-e", TOOLS.parent / "emulators")


def test_another_emulators_project_is_installed_anew(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(set_up, "EMULATORS", tmp_path)
    prints = set()
    for content in ("one", "two"):
        (tmp_path / "pyproject.toml").write_text(content)
        prints.add(set_up.fingerprint())
    assert len(prints) == 2


def test_ctrl_c_ends_in_one_line(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(set_up, "CHECKS", ())
    monkeypatch.setattr(set_up, "STEPS", (("a step", interrupted),))
    assert set_up.main() == 130
    assert not set_up.STAMP.exists()
    assert capsys.readouterr().err.startswith("set-up was interrupted: run it again")


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
    monkeypatch.setattr(set_up.machine, "CUDA_BYTES", 0)
    set_up.install_torch()
    assert ("CUDA build" in capsys.readouterr().out) is notices


def test_the_cuda_build_is_refused_where_it_does_not_fit(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str | Path, ...]] = []

    def run(*argv: str | Path) -> str:
        ran.append(argv)
        return json.dumps({"install": [{"metadata": {"requires_dist": ["nvidia-cublas==1"]}}]})

    monkeypatch.setattr(set_up, "run", run)
    monkeypatch.setattr(set_up.machine, "CUDA_BYTES", 2**60)
    with pytest.raises(set_up.SetUpError, match=r"GiB free.* or take the CPU build, as README\.md"):
        set_up.install_torch()
    assert len(ran) == 1


def test_a_failure_is_one_line_and_a_second_run_repeats_nothing(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def broken() -> None:
        raise set_up.SetUpError("no such thing: get it there")

    monkeypatch.setattr(set_up, "CHECKS", ())
    monkeypatch.setattr(set_up, "STEPS", (("one", lambda: done.append("one")), ("two", broken)))
    assert set_up.main() == 1
    assert capsys.readouterr().err == "set-up cannot go on: no such thing: get it there\n"
    monkeypatch.setattr(set_up, "STEPS", (("one", lambda: done.append("one")),))
    assert set_up.main() == 0
    assert set_up.main() == 0
    assert done == ["one", "one"]
