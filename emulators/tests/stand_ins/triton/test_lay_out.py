"""The layout of the local Triton: what is written, and what is told when it cannot start."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
from stand_ins.triton import lay_out

Version = namedtuple("Version", "major minor")


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["lay_out.py", *words])
    lay_out.main()
    return capsys.readouterr().out.strip()


def test_second_run_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(capsys, monkeypatch, "--check", str(tmp_path)) == "changed"
    assert not list(tmp_path.iterdir())
    assert run(capsys, monkeypatch, str(tmp_path)) == "changed"
    assert run(capsys, monkeypatch, str(tmp_path)) == "unchanged"
    (tmp_path / "bin" / "tritonserver").chmod(0o644)
    assert run(capsys, monkeypatch, "--check", str(tmp_path)) == "changed"
    assert run(capsys, monkeypatch, str(tmp_path)) == "changed"
    assert run(capsys, monkeypatch, "--check", str(tmp_path)) == "unchanged"


def test_python_is_the_running_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(capsys, monkeypatch, str(tmp_path))
    launcher = (tmp_path / "bin" / "tritonserver").read_text(encoding="utf-8")
    [line] = re.findall("(?m)^export LD_LIBRARY_PATH=.*", launcher)
    listing = subprocess.run(
        [
            "sh",
            "-c",
            f'{line}; ldd "$0"',
            tmp_path / "triton" / "backends" / "python" / "triton_python_backend_stub",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    [library] = re.findall(r"libpython\S+ => (\S+)", listing)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    own = Path(sysconfig.get_config_var("LIBDIR"), f"libpython{version}.so.1.0")
    assert Path(library).read_bytes() == own.read_bytes()


def test_the_packages_own_python_library_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 13))
    monkeypatch.setattr(lay_out.sysconfig, "get_config_var", lambda name: str(tmp_path))
    for name in ("libpython3-0a1b.12.so.1.0", "libpython3-0a1b.13.so.1.0", "libz-0a1b.so.1"):
        (tmp_path / name).touch()
    assert lay_out.python_libraries(tmp_path) == {}
    own = tmp_path / "libpython3.13.so.1.0"
    own.touch()
    assert lay_out.python_libraries(tmp_path) == {"libpython3-0a1b.13.so.1.0": own}


def test_launcher_passes_arguments_to_the_real_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = tmp_path / "with a space"
    run(capsys, monkeypatch, str(directory))
    done = subprocess.run(
        [directory / "bin" / "tritonserver", "--no-such-option"], capture_output=True, text=True
    )
    assert "unrecognized option '--no-such-option'" in done.stderr


def test_python_without_a_stub_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 19))
    for offered in ("3.9", "3.11"):
        (tmp_path / "python_backend_stubs" / offered).mkdir(parents=True)
    with pytest.raises(
        SystemExit, match=r"no Python backend for Python 3\.19, only for 3\.9, 3\.11"
    ):
        lay_out.python_stub(tmp_path)


def test_missing_package_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lay_out, "NEEDED", ("json", "no_such_package"))
    with pytest.raises(SystemExit, match="has no no_such_package: install the requirements"):
        lay_out.wanted_files(tmp_path)


def test_packages_below_letters_that_are_not_ascii_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = SimpleNamespace(origin="/home/jörg/.venv/site-packages/pytriton/__init__.py")
    monkeypatch.setattr(lay_out, "find_spec", lambda name: found)
    with pytest.raises(SystemExit, match=r"in '/home/j\\xf6rg/.venv/site-packages', from which"):
        lay_out.wanted_files(tmp_path)


def test_missing_library_is_found(tmp_path: Path) -> None:
    [spec] = [lay_out.find_spec("pytriton")]
    assert spec is not None
    assert spec.origin is not None
    library = next(Path(spec.origin).parents[1].glob("nvidia_pytriton.libs/libtritonserver-*.so"))
    missing = lay_out.missing_libraries([library], "")
    assert any(name.startswith("libcrypto-") for name in missing)
    assert lay_out.missing_libraries([library], str(library.parent)) == []


def test_missing_python_library_comes_with_advice() -> None:
    text = lay_out.advice(["libpython3.11.so.1.0"])
    assert "missing: libpython3.11.so.1.0." in text
    assert "in the package libpython3.11;" in text
    assert "--enable-shared" in text
