"""Only a released Python on which Triton's Python backend runs is gone on with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import pythons


def python_script(version: str, prefix: str = "/usr", path: str = "/usr/bin/python3") -> str:
    """Return the shell script of a Python that answers the probe, such as "3 11 2 final"."""
    return "\n".join(f"echo {line}" for line in (*version.split(), prefix, path))


@pytest.fixture
def no_system_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing but PATH."""
    monkeypatch.setattr(pythons, "search_path", pythons.os.get_exec_path)


Takeover = Callable[..., list[str]]


@pytest.fixture
def take_over(no_system_python: None, monkeypatch: pytest.MonkeyPatch) -> Takeover:
    """Return a function that begins on a Python, and gives the command that takes over."""
    commands: list[list[str]] = []
    monkeypatch.setattr(pythons.sys, "argv", ["tools/set_up.py"])
    monkeypatch.setattr(pythons.os, "execv", lambda path, argv: commands.append([path, *argv]))

    def begin(*version: int | str) -> list[str]:
        # Not earlier: pytest itself looks at the version.
        with monkeypatch.context() as context:
            context.setattr(pythons.sys, "version_info", version)
            pythons.go_on_with_a_supported_one()
        return commands[0] if commands else []

    return begin


def test_a_supported_python_goes_on_itself(take_over: Takeover) -> None:
    assert take_over(3, 11, 2, "final") == []


def test_one_that_is_there_takes_over(
    take_over: Takeover, programs: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    programs(
        **{
            "python3.12": "exit 127",  # A shim of pyenv for a version that is not chosen.
            "python3.11": python_script("3 11 0 candidate"),
            "python3.13": python_script("3 13 5 final", path="/usr/bin/python3.13"),
        }
    )
    python = "/usr/bin/python3.13"
    assert take_over(3, 14, 0, "final") == [python, python, "tools/set_up.py"]
    said = "set-up: the local Triton has nothing for Python 3.14.0: on with Python 3.13.5 ("
    assert capsys.readouterr().out.startswith(said)


def test_the_systems_python3_takes_over_from_a_newer_one(
    take_over: Takeover, programs: Callable[..., Path]
) -> None:
    programs(python3=python_script("3 11 2 final"))
    assert take_over(3, 14, 0, "final")[0] == "/usr/bin/python3"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ((3, 10, 12, "final"), r"this is Python 3\.10\.12, and"),
        ((3, 14, 0, "final"), r"this is Python 3\.14\.0, and"),
        ((3, 11, 0, "candidate"), r"this is Python 3\.11\.0, a pre-release \(candidate\), and"),
    ],
)
def test_without_one_a_line_says_how_to_get_it(
    take_over: Takeover,
    programs: Callable[..., Path],
    version: tuple[int | str, ...],
    said: str,
) -> None:
    # Ubuntu 22.04.
    programs(
        python3=python_script("3 10 12 final"),
        apt_cache=r"printf 'python3.11:\n  Installed: (none)\n  Candidate: 3.11.0~rc1-1~22.04\n'",
    )
    with pytest.raises(
        pythons.SetUpError, match=f"{said}.* 3.13: install one, from elsewhere .*PYTHON=/path/to"
    ):
        take_over(*version)


def test_without_one_a_line_says_which_apt_has(
    take_over: Takeover, programs: Callable[..., Path]
) -> None:
    programs(
        apt_cache=r"printf 'python3.12:\n  Installed: (none)\n  Candidate: (none)\n"
        r"python3.11:\n  Installed: (none)\n  Candidate: 3.11.2-6+deb12u9~bpo11+1\n'"
    )
    with pytest.raises(pythons.SetUpError, match=r": `sudo apt-get install python3\.11-venv`, th"):
        take_over(3, 14, 0, "final")


def test_without_apt_a_line_says_how_to_get_one(
    take_over: Takeover, programs: Callable[..., Path]
) -> None:
    programs()
    with pytest.raises(pythons.SetUpError, match="install one, from elsewhere where"):
        take_over(3, 14, 0, "final")


def test_pythons_are_found_once_and_the_oldest_first(
    no_system_python: None,
    programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    hers = tmp_path / ".pyenv/versions/3.11.7/bin"
    hers.mkdir(parents=True)
    folder = programs(
        **{
            "python3": python_script("3 11 2 final"),
            "python3.11": python_script("3 11 2 final"),
            "python3.12": python_script("3 12 3 final"),
            "python3.13": python_script("3 10 1 final"),
        }
    )
    (folder / "python3").rename(hers / "python3.11")
    (hers / "python3.11").write_text(
        "#!/bin/sh\n" + python_script("3 11 7 final", prefix=str(hers.parent), path=str(hers))
    )
    (hers / "python3.11").chmod(0o755)
    found = [
        python
        for python in pythons.installed()
        if not python.path.startswith("/opt/hostedtoolcache")
    ]
    assert [python.version for python in found] == [(3, 11, 2), (3, 11, 7), (3, 12, 3)]
    assert [python.prefix for python in found] == ["/usr", str(hers.parent), "/usr"]


def test_a_virtual_environment_is_known_as_the_python_below_it() -> None:
    assert pythons.supported(sys.executable) == pythons.in_use()
    assert not pythons.in_use().path.startswith(sys.prefix) or sys.prefix == sys.base_prefix
