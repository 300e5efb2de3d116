"""A machine or a place on which nothing can run is refused in one line with the way out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import machine
import pytest


def test_this_machine_is_accepted(tmp_path: Path) -> None:
    machine.check_system()
    machine.check_processor()
    machine.check_c_library()
    machine.check_place(tmp_path)


def test_another_system_than_linux_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    with pytest.raises(machine.SetUpError, match=r"this is Darwin.*only on Linux: take a"):
        machine.check_system()


@pytest.mark.parametrize("name", ["aarch64", "riscv64"])
def test_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(machine.platform, "machine", lambda: name)
    with pytest.raises(
        machine.SetUpError, match=f"this is {name}, and the helm and kubectl .* only for x86_64: "
    ):
        machine.check_processor()


def test_a_32_bit_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "maxsize", 2**31 - 1)
    with pytest.raises(machine.SetUpError, match="this is a 32-bit Python"):
        machine.check_processor()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (("glibc", "2.31"), r"has glibc 2\.31.* needs 2\.35 or newer: take Debian 12"),
        (("", ""), r"has no glibc"),
    ],
    ids=["Debian 11", "Alpine"],
)
def test_another_c_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, str], message: str
) -> None:
    monkeypatch.setattr(machine.platform, "libc_ver", lambda: found)
    with pytest.raises(machine.SetUpError, match=message):
        machine.check_c_library()


@pytest.mark.parametrize("found", [("glibc", "2.35"), ("glibc", "2.41"), ("glibc", "3.0")])
def test_a_newer_c_library_is_accepted(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, str]
) -> None:
    monkeypatch.setattr(machine.platform, "libc_ver", lambda: found)
    machine.check_c_library()


def test_a_path_that_path_cannot_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(machine.SetUpError, match=r"/a:b, has a ':'.*: move it"):
        machine.check_place(tmp_path / "a:b")


@pytest.mark.parametrize("name", ["a[1]", "a*", "what?"])
def test_a_path_that_is_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(machine.SetUpError, match=r"has one of '\[', '\*' and '\?'.*: move it"):
        machine.check_place(tmp_path / name)


def test_a_path_with_other_letters_than_ascii_is_refused(tmp_path: Path) -> None:
    with pytest.raises(machine.SetUpError, match=r"/cl\\xf6n', has letters .* ASCII.*: move it"):
        machine.check_place(tmp_path / "clön")


def test_a_checkout_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(machine.SetUpError, match="/proc/sys cannot be written: clone as"):
        machine.check_place(Path("/proc/sys"))


def test_a_full_disk_is_refused_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = type("Usage", (), {"free": 3.5 * machine.GIB})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(
        machine.SetUpError, match=f"{tmp_path} has 3.5 GiB free, and set-up needs 4 GiB there: make"
    ):
        machine.check_space(tmp_path / ".venv")
    (tmp_path / ".venv/lib/python3.11/site-packages/torch").mkdir(parents=True)
    machine.check_space(tmp_path / ".venv")


def test_a_full_disk_of_temporary_files_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def usage(folder: str) -> object:
        free = machine.GIB * (0.5 if folder == str(tmp_path) else 100)
        return type("Usage", (), {"free": free})

    monkeypatch.setattr(machine.shutil, "disk_usage", usage)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(
        machine.SetUpError, match=r"0\.5 GiB free.* or name another folder as TMPDIR"
    ):
        machine.check_space(Path("/", ".venv"))


def test_a_machine_without_a_folder_for_temporary_files_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(machine, "need_space", lambda *arguments: None)
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(machine.SetUpError, match=r"No usable .*'/tmp'\]: make space in one of"):
        machine.check_space(Path("/", ".venv"))
