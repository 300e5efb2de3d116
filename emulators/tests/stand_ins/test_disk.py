"""Files and lines are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins.disk import append, write, write_or_exit
from support.full_disk import largest_file


def test_a_file_is_there_as_before_when_the_disk_is_full(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write(file, b"before", 0o600)
    with largest_file(10), pytest.raises(OSError, match="File too large"):
        write(file, b"much too long")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"before", 0o600)


def test_a_program_ends_with_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    with largest_file(10), pytest.raises(SystemExit) as ended:
        write_or_exit(file, b"much too long")
    assert ended.value.code == f"cannot write {file} of 13 bytes: File too large"
    write_or_exit(file, b"much too long")
    assert file.read_bytes() == b"much too long"


def test_a_line_is_appended_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    append(file, "first")
    with largest_file(10), pytest.raises(OSError, match="File too large"):
        append(file, "much too long")
    append(file, "zweite, größere")
    assert file.read_text(encoding="utf-8") == "first\nzweite, größere\n"
