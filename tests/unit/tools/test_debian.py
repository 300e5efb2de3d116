"""The Debian packages that are missing are named, and nobody is let run into a password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import debian
import pytest

VERSIONS = [
    ((3, 12, 0), ["python3.12-venv", "libpython3.12"]),
    ((3, 13, 0), ["python3.13-venv", "libpython3.13", "g++", "python3.13-dev"]),
]
MISSING = "prometheus prometheus-alertmanager"


@pytest.mark.parametrize(("version", "missing"), VERSIONS)
def test_what_a_debian_python_lacks_is_missing(
    programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: tuple[int, int, int],
    missing: list[str],
) -> None:
    programs(prometheus="", prometheus_alertmanager="")
    monkeypatch.setattr(debian, "find_spec", lambda name: None)
    monkeypatch.setattr(debian, "loads", lambda library: False)
    monkeypatch.setattr(debian.sys, "version_info", version)
    monkeypatch.setattr(debian.sysconfig, "get_python_version", lambda: f"3.{version[1]}")
    monkeypatch.setattr(debian.sysconfig, "get_path", lambda name: str(tmp_path))
    assert debian.missing_packages() == missing


@pytest.fixture
def complete(programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a machine that lacks nothing, and where nothing can be installed."""
    folder = programs(prometheus="", prometheus_alertmanager="", **{"c++": ""})
    (folder / "Python.h").touch()
    monkeypatch.setattr(debian, "loads", lambda library: True)
    monkeypatch.setattr(debian.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(debian.sysconfig, "get_path", lambda name: str(folder))
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)


def test_where_nothing_is_missing_nothing_is_asked_for(complete: None) -> None:
    assert debian.missing_packages() == []
    debian.check_packages()
    debian.install_packages()


@pytest.fixture
def without_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lack Prometheus and Alertmanager, and nothing else."""
    monkeypatch.setattr(debian, "missing_packages", MISSING.split)


@pytest.mark.parametrize(
    "sudo",
    [{}, {"sudo": "echo sudo: a password is required >&2; exit 1"}],
    ids=["no sudo", "sudo with a password"],
)
def test_a_user_who_may_not_install_is_refused_with_the_line_to_type(
    without_prometheus: None,
    programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    sudo: dict[str, str],
) -> None:
    programs(apt_get="exit 1", **sudo)
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(
        debian.SetUpError,
        match=f"neither root nor .* type `sudo apt-get install --no-install-recommends {MISSING}`,",
    ):
        debian.check_packages()


@pytest.mark.parametrize(("user", "sudo"), [(0, "exit 1"), (1000, 'test "$1" = -n')])
def test_root_and_sudo_without_password_are_accepted(
    without_prometheus: None,
    programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    sudo: str,
) -> None:
    programs(apt_get="exit 0", sudo=sudo)
    monkeypatch.setattr(debian.os, "geteuid", lambda: user)
    debian.check_packages()


def test_a_system_without_apt_is_told_what_it_lacks(
    without_prometheus: None, programs: Callable[..., Path]
) -> None:
    programs()
    with pytest.raises(debian.SetUpError, match=r"no apt-get: .* prometheus, prometheus-alertm"):
        debian.check_packages()


def test_what_is_missing_is_installed(
    without_prometheus: None, programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = programs(apt_get='echo "$@" >> "$0.asked"')
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    debian.install_packages()
    assert (folder / "apt-get.asked").read_text().splitlines() == [
        "-q -y --no-install-recommends update",
        f"-q -y --no-install-recommends install {MISSING}",
    ]


def test_what_cannot_be_installed_is_named_with_the_command(
    without_prometheus: None, programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(apt_get="echo no network >&2; exit 100")
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    with pytest.raises(
        debian.SetUpError, match=f"no network; install by hand: sudo apt-get install .* {MISSING}"
    ):
        debian.install_packages()
