"""First light runs what README.md says on each Python, says how it went, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import first_light
import pytest
from first_light import FirstLightError
from pythons import Python

OLD = Python((3, 11, 2), "/usr", "/usr/bin/python3.11")
SAYS = 'echo "coffee.jpg is espresso (0.95)"; echo "(749.4"; echo "   tokens/s, ...)"; '
PLAYBOOK = SAYS + 'echo "local : ok=9 changed=$(test -e ran && echo 0 || echo 31) failed=0"; > ran'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that makes a clone of shell scripts in place of make and ansible-playbook.

    They are called ``.venv/bin/*``, first in PATH, as if set-up had put them there.
    """
    monkeypatch.setattr(first_light, "ROOT", tmp_path / "clone")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def make(ansible_playbook: str, python: str = "echo Python 3.11.2") -> Path:
        clone = tmp_path / "clone"
        scripts = {
            "make": "echo set-up: done in 1 s",
            "python": python,
            "ansible-playbook": ansible_playbook,
        }
        for name, script in scripts.items():
            program = clone / ".venv" / "bin" / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        subprocess.run(["git", "init", "-q", clone], check=True)
        return clone

    return make


def left() -> list[Path]:
    """Return the folders of first light that are still there."""
    return list(Path(os.environ["TMPDIR"]).glob("first-light-*"))


def test_all_that_the_readme_promises_is_a_pass(
    checkout: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout(PLAYBOOK)
    report = first_light.attempt(OLD)
    assert report.failure == ""
    assert list(report.seconds) == [
        "set-up",
        "first run",
        "second run",
        "verification",
        "down",
    ]
    assert (report.changed["first run"], report.changed["second run"]) == (31, 0)
    assert "Python 3.11.2 (/usr/bin/python3.11): first run " in capsys.readouterr().out
    assert left() == []


@pytest.mark.parametrize(
    ("playbook", "python", "failure"),
    [
        ("echo no; exit 2", "echo Python 3.11.2", "`ansible-playbook site.yml .* failed .2.: \nno"),
        ("echo changed=0", "echo Python 3.11.2", "first run does not say .'is.*espresso"),
        (PLAYBOOK + "; rm ran", "echo Python 3.11.2", "the second run has changed=31"),
        (PLAYBOOK, "echo Python 3.11.7", "it was set up with Python 3.11.7"),
        (PLAYBOOK + "\nsleep 60 &", "echo Python 3.11.2", "local_down.yml left processes: .*sleep"),
    ],
    ids=["a stage fails", "no answer", "not idempotent", "another Python", "a process is left"],
)
def test_what_is_otherwise_is_a_failure(
    checkout: Callable[..., Path], playbook: str, python: str, failure: str
) -> None:
    checkout(playbook, python)
    report = first_light.attempt(OLD)
    assert re.search(failure, report.failure, re.DOTALL)
    assert first_light.table([report]).splitlines()[1].split()[-4:] == ["failed", *str(OLD).split()]
    assert left() == []


def test_a_copy_is_what_lies_in_the_working_tree(
    checkout: Callable[..., Path], tmp_path: Path
) -> None:
    clone = checkout("")
    (clone / ".gitignore").write_text("ignored\n")
    (clone / "ignored").touch()
    (clone / "link").symlink_to("no/where/else")
    (clone / "folder").mkdir()
    (clone / "folder" / "new").write_text("new")
    (clone / "deleted").touch()
    subprocess.run(["git", "add", "."], cwd=clone, check=True)
    (clone / "deleted").unlink()
    (clone / "folder" / "new").write_text("newer")
    first_light.copy_checkout(tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").iterdir()}
    assert copied == {".gitignore", ".venv", "folder", "link"}
    assert (tmp_path / "copy" / "folder" / "new").read_text() == "newer"
    assert (tmp_path / "copy" / "link").is_symlink()


def test_a_clone_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_light, "ROOT", tmp_path)
    with pytest.raises(FirstLightError, match=f"{tmp_path} has to be a clone: fatal"):
        first_light.copy_checkout(tmp_path / "copy")


def test_it_runs_in_an_odd_place(checkout: Callable[..., Path]) -> None:
    (checkout("pwd; umask; env; exit 1") / "é").touch()
    report = first_light.attempt(OLD)
    assert "/gpu platform (1)\n0077\n" in report.failure
    names = re.findall(r"^(\w+)=", report.failure, re.MULTILINE)
    assert {"PATH"} <= set(names) <= {"PATH", "PWD", "SHLVL", "OLDPWD", "_"}


def test_a_step_without_end_is_a_failure(checkout: Callable[..., Path]) -> None:
    clone = checkout("echo begun; sleep 60")
    with pytest.raises(FirstLightError, match=r"failed \(no end after 1 s\): \nbegun"):
        first_light.run(clone, OLD, 1, "ansible-playbook")
    first_light.end_processes(clone)
    assert list(first_light.processes_in(clone)) == []


def test_an_interruption_leaves_nothing(checkout: Callable[..., Path], tmp_path: Path) -> None:
    checkout(
        f"touch {tmp_path}/begun; (exec sleep 600) & sleep 600",
        f"echo Python {sys.version.split()[0]}",
    )
    code = (
        "import sys, first_light; from pathlib import Path\n"
        f"first_light.ROOT = Path({str(tmp_path / 'clone')!r})\n"
        "sys.exit(first_light.main([sys.executable]))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(first_light.__file__).parent)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    assert left() == []
    assert list(first_light.processes_in(tmp_path)) == []


def test_every_python_is_run_and_one_that_fails_decides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Python((3, 13, 5), "/usr", "/usr/bin/python3.13")
    monkeypatch.setattr(first_light.pythons, "installed", lambda: [OLD, new])
    reports = {
        OLD: first_light.Report(OLD, {"set-up": 109.4}, {}, "it does not answer"),
        new: first_light.Report(
            new, {"set-up": 320, "first run": 96, "second run": 42}, {"second run": 0}
        ),
    }
    monkeypatch.setattr(first_light, "attempt", reports.__getitem__)
    assert first_light.main(["all"]) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    assert rows == [
        ["109", "s", "-", "-", "-", "failed", "Python", "3.11.2", "(/usr/bin/python3.11)"],
        ["320", "s", "96", "s", "42", "s", "0", "passed", "Python", "3.13.5", f"({new.path})"],
    ]
    reports[OLD].failure = ""
    assert first_light.main(["all"]) == 0


def test_the_oldest_other_python_is_one_that_differs_in_its_last_digit_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Python((3, 11, 7), "/opt/own", "/opt/own/bin/python3")
    newer = Python((3, 12, 1), "/usr", "/usr/bin/python3.12")
    monkeypatch.setattr(first_light.pythons, "in_use", lambda: own)
    for here, chosen in (([OLD, own], [OLD]), ([own, newer], [newer]), ([own], [])):
        monkeypatch.setattr(first_light.pythons, "installed", lambda here=here: here)
        assert first_light.chosen(["other"]) == chosen
    assert first_light.main(["other"]) == 0
    said = (
        "no supported Python is here besides Python 3.11.7 (/opt/own/bin/python3): nothing to run"
    )
    assert said in capsys.readouterr().out


def test_both_sets_of_packages_are_among_the_python_in_use_and_the_others() -> None:
    own, newer, newest = (
        Python(version, "/usr", "/usr/bin/python3")
        for version in ((3, 11, 7), (3, 12, 1), (3, 13, 0))
    )
    assert first_light.others(own, [OLD, own, newer, newest]) == [OLD, newer]
    assert first_light.others(newer, [OLD, own, newer, newest]) == [OLD]
    assert first_light.others(newer, [newer, newest]) == [newest]


def test_a_python_on_which_nothing_runs_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert first_light.main(["/bin/true"]) == 2
    assert "no released Python 3.11, 3.12 or 3.13: /bin/true" in capsys.readouterr().err
