"""First light as a newcomer sees it: set-up, `site.yml` twice, the verification, and down.

Usage: ``python tools/first_light.py PYTHON ...``, each the path of a Python, or ``other`` for the
oldest supported Python of this machine besides the one in use, and for one with the other set of
packages where neither of these has it, or ``all`` for every one.

Each runs in a copy of the checkout in an empty folder, on ports of its own, and in an odd place:
the folder's name has spaces and brackets, new files are their owner's alone, and the environment
has PATH and nothing else, so that the language is C and not even HOME is known. pip finds the
user's cache all the same: without it each run would download gigabytes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pythons
from free_ports import free_offset
from pythons import Python

ROOT = Path(__file__).resolve().parent.parent
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOLDER = "gpu platform (1)"
UMASK = 0o077
ANSWERS = (r"is\s+espresso\s+\(", r"[1-9][\d.]*\s+tokens/s", r"changed=\d")
"""What a run says when the photograph has been classified and text has been streamed."""
NEW_PACKAGES = (3, 12)
"""From here on requirements.lock has newer packages; see docs/decisions/supported-versions.md."""
TAIL = 60
"""Lines of its output that a failed step is told with."""


class FirstLightError(Exception):
    """What went otherwise than README.md says."""


@dataclass
class Report:
    """How first light went on one Python: seconds and changes by step, and what failed."""

    python: Python
    seconds: dict[str, float] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    failure: str = ""


def copy_checkout(target: Path) -> None:
    """Copy what git would commit, as it lies in the working tree.

    Raises:
        FirstLightError: git cannot tell what that is.
    """
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        raise FirstLightError(f"{ROOT} has to be a clone: {listed.stderr.decode().strip()}")
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.exists() or source.is_symlink():  # Or it is deleted, and that not committed.
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def first_light(folder: Path, report: Report) -> None:
    """Do in an empty folder what README.md says; note what each step takes.

    Raises:
        FirstLightError: a step fails, takes too long, or does not say what it should.
    """
    checkout = folder / FOLDER
    copy_checkout(checkout)
    version = ".".join(map(str, report.python.version))
    ports = ("-e", f"local_stack_port_offset={free_offset()}")

    def step(title: str, limit: float, *argv: str, says: Sequence[str] = ANSWERS) -> None:
        begun = time.monotonic()
        try:
            said = run(checkout, report.python, limit, *argv)
        finally:
            report.seconds[title] = time.monotonic() - begun
            print(f"{report.python}: {title} {report.seconds[title]:.0f} s", flush=True)
        if missing := [words for words in says if not re.search(words, said)]:
            raise FirstLightError(f"{title} does not say {missing}: {tail(said)}")
        report.changed[title] = sum(map(int, re.findall(r"\bchanged=(\d+)", said)))

    step("set-up", 2400, "make", "setup", f"PYTHON={report.python.path}", says=["set-up: done"])
    used = run(checkout, report.python, 60, "python", "--version").strip()
    if used != f"Python {version}":
        raise FirstLightError(f"it was set up with {used}")
    for title in ("first run", "second run"):
        step(title, 900, "ansible-playbook", "site.yml", *ports)
    if report.changed["second run"]:
        raise FirstLightError(f"the second run has changed={report.changed['second run']}")
    step("verification", 300, "ansible-playbook", "playbooks/verify.yml", *ports)
    step("down", 180, "ansible-playbook", "playbooks/local_down.yml", *ports, says=[])
    if left := dict(processes_in(folder)):
        raise FirstLightError(f"local_down.yml left processes: {left}")


def run(checkout: Path, python: Python, limit: float, *argv: str) -> str:
    """Run a command as a newcomer who has this Python first; return its output.

    Raises:
        FirstLightError: it failed or took too long; with the end of its output.
    """
    path = (checkout / ".venv" / "bin", Path(python.path).parent, SYSTEM_PATH)
    # A file and no pipe, which a process left behind would keep open.
    log = checkout.parent / "output"
    with log.open("wb") as output:
        try:
            code: object = subprocess.run(
                argv,
                cwd=checkout,
                env={"PATH": os.pathsep.join(map(str, path))},
                umask=UMASK,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=limit,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = f"no end after {limit:.0f} s"
    said = log.read_text(encoding="utf-8", errors="replace")
    if code != 0:
        raise FirstLightError(f"`{' '.join(argv)}` failed ({code}): {tail(said)}")
    return said


def tail(output: str) -> str:
    """Return the end of a command's output, on lines of its own."""
    return "\n" + "\n".join(output.rstrip().splitlines()[-TAIL:])


def processes_in(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the id and the command of each process that works in a folder or names it."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (
                (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            directory = str((process / "cwd").readlink())
        except OSError:
            continue  # It has ended since, or is another user's.
        if str(folder) in command or directory.startswith(str(folder)):
            yield int(process.name), command.strip()


def end_processes(folder: Path) -> None:
    """End what still runs in a folder; what does not follow within ten seconds is killed."""
    begun = time.monotonic()
    while (left := dict(processes_in(folder))) and (waited := time.monotonic() - begun) < 20:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM if waited < 10 else signal.SIGKILL)
        time.sleep(0.2)


def attempt(python: Python) -> Report:
    """Run first light on one Python in a folder that is there no more afterwards."""
    report = Report(python)
    # Not /tmp, which may be memory.
    place = os.environ.get("TMPDIR", "/var/tmp")
    folder = Path(tempfile.mkdtemp(prefix="first-light-", dir=place)).resolve()
    try:
        first_light(folder, report)
    except (FirstLightError, OSError) as error:  # No git or make, or a full disk.
        report.failure = str(error)
        print(f"{python}: {error}", flush=True)
    finally:
        end_processes(folder)
        shutil.rmtree(folder)
    return report


def table(reports: Sequence[Report]) -> str:
    """Return a line for each Python: seconds, what the second run changed, and the result."""
    steps = ("set-up", "first run", "second run")
    lines = ["".join(f"{step:>12}" for step in (*steps, "changed", "result")) + "  python"]
    for report in reports:
        cells = [
            f"{report.seconds[step]:.0f} s" if step in report.seconds else "-" for step in steps
        ]
        cells += [
            str(report.changed.get("second run", "-")),
            "failed" if report.failure else "passed",
        ]
        lines.append("".join(f"{cell:>12}" for cell in cells) + f"  {report.python}")
    return "\n".join(lines)


def others(in_use: Python, installed: Sequence[Python]) -> list[Python]:
    """Return the oldest other Python, and one with the set of packages that would be left out."""
    # Also one that differs only in its last digit: so much lay between 3.11.2 and 3.11.7.
    rest = [python for python in installed if python[:2] != in_use[:2]]
    covered = {python.version >= NEW_PACKAGES for python in (in_use, *rest[:1])}
    return (
        rest[:1]
        + [python for python in rest if (python.version >= NEW_PACKAGES) not in covered][:1]
    )


def chosen(names: Sequence[str]) -> list[Python]:
    """Return the Pythons that the command line asks for.

    Raises:
        FirstLightError: one of them is none on which the platform runs.
    """
    if list(names) == ["all"]:
        return pythons.installed()
    if list(names) == ["other"]:
        return others(pythons.in_use(), pythons.installed())
    found = {name: pythons.supported(name) for name in names}
    if unfit := [name for name, python in found.items() if python is None]:
        raise FirstLightError(f"no released Python 3.11, 3.12 or 3.13: {', '.join(unfit)}")
    return [python for python in found.values() if python]


def interrupt(number: int, frame: object) -> None:
    """End as on Ctrl-C, so that what was begun is cleaned up."""
    raise KeyboardInterrupt


def main(names: Sequence[str]) -> int:
    """Run first light on each Python, whatever the ones before said; return the exit code."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        asked = chosen(names)
    except FirstLightError as error:
        print(error, file=sys.stderr)
        return 2
    if not asked:
        print(f"no supported Python is here besides {pythons.in_use()}: nothing to run")
        return 0
    try:
        reports = [attempt(python) for python in asked]
    except KeyboardInterrupt:
        print("interrupted: what was begun is ended and removed", file=sys.stderr)
        return 130
    print(f"\n{table(reports)}")
    return 1 if any(report.failure for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
