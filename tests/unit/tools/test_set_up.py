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


def put_programs(folder: Path, **scripts: str) -> None:
    """Write shell scripts; of a name's underscores come hyphens."""
    for name, script in scripts.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)


@pytest.fixture
def other_python(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[], list[str]]:
    """Return a function that chooses a Python on 3.14, and gives the command that takes over."""
    commands: list[list[str]] = []
    monkeypatch.setattr(set_up.sys, "argv", ["tools/set_up.py"])
    monkeypatch.setattr(set_up.os, "geteuid", lambda: 0)
    monkeypatch.setattr(set_up.os, "execv", lambda path, argv: commands.append([path, *argv]))
    monkeypatch.setenv("PATH", str(tmp_path))

    def choose() -> list[str]:
        # Not earlier: pytest itself looks at the version.
        monkeypatch.setattr(set_up.sys, "version_info", (3, 14, 0))
        set_up.choose_python()
        return commands[0]

    return choose


def test_a_python_that_is_there_takes_over(
    other_python: Callable[[], list[str]], tmp_path: Path
) -> None:
    # A shim of pyenv is there and fails.
    put_programs(tmp_path, **{"python3.12": "exit 127", "python3.11": "exit 0"})
    python = f"{tmp_path}/python3.11"
    assert other_python() == [python, python, "tools/set_up.py"]


def test_a_python_that_apt_has_takes_over(
    other_python: Callable[[], list[str]], tmp_path: Path
) -> None:
    put_programs(
        tmp_path,
        apt_cache='test "$2" = python3.13',
        apt_get=f'echo "$@" >> {tmp_path}/asked; test "$4" = update || echo exit > {tmp_path}/$5\n'
        f"test -e {tmp_path}/python3.13 && /bin/chmod +x {tmp_path}/python3.13; exit 0",
    )
    assert other_python()[0] == f"{tmp_path}/python3.13"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == [
        "-q -y --no-install-recommends update",
        "-q -y --no-install-recommends install python3.13",
    ]


def test_without_a_python_for_triton_one_line_says_which(
    set_up: ModuleType, other_python: Callable[[], list[str]], tmp_path: Path
) -> None:
    put_programs(tmp_path, apt_cache="exit 100")
    with pytest.raises(set_up.SetUpError, match=r"python3\.11, python3\.13, which apt does not"):
        other_python()


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        ((3, 12, 0), ["python3.12-venv", "libpython3.12"]),
        ((3, 13, 0), ["python3.13-venv", "libpython3.13", "g++", "python3.13-dev"]),
    ],
)
def test_what_a_debian_python_lacks_is_installed(
    set_up: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: tuple[int, int, int],
    missing: list[str],
) -> None:
    for name in ("prometheus", "prometheus-alertmanager"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(set_up, "find_spec", lambda name: None)
    monkeypatch.setattr(set_up, "loads", lambda library: False)
    monkeypatch.setattr(set_up.sys, "version_info", version)
    monkeypatch.setattr(
        set_up.sysconfig, "get_python_version", lambda: f"{version[0]}.{version[1]}"
    )
    monkeypatch.setattr(set_up.sysconfig, "get_path", lambda name: str(tmp_path))
    assert set_up.debian_packages() == missing


def test_nothing_is_installed_where_nothing_is_missing(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("prometheus", "prometheus-alertmanager", "c++", "Python.h"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(set_up, "loads", lambda library: True)
    monkeypatch.setattr(set_up.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(set_up.sysconfig, "get_path", lambda name: str(tmp_path))
    assert set_up.debian_packages() == []


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


def test_an_environment_without_pip_is_completed(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(set_up, "run", lambda *argv: ran.append(argv))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    set_up.create_environment()
    assert ran == [(set_up.sys.executable, "-m", "venv", tmp_path)]
    (tmp_path / "bin" / "pip").touch()
    set_up.create_environment()
    assert len(ran) == 1


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
