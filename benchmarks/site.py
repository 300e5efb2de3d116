"""What a newcomer waits for: set-up, the first and the second `site.yml`, and the stack's memory.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.site``. Clones the committed state into an
empty folder, runs there what README.md says, and prints Markdown tables. Takes about ten minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from support.playbook_run import ROOT, PlaybookRun, run_playbook

from .measure import table


def descendants(pid: int) -> set[int]:
    """Return a process id with those of its children, grandchildren and so on."""
    children = defaultdict(set)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:
            continue  # It has ended since.
        children[int(parent)].add(int(stat.parent.name))
    found, queue = {pid}, [pid]
    while queue:
        young = children[queue.pop()]
        found |= young
        queue += young
    return found


def proportional_memory(pid: int) -> int:
    """Return a process's memory in bytes; what it shares with others counts in proportion."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def memory(state: Path) -> dict[str, float]:
    """Return the MiB of each process of a local stack; pods count with the node agent."""
    used = {}
    for record in sorted((state / "run").glob("*.pid")):
        pid = json.loads(record.read_text(encoding="utf-8"))["pid"]
        used[record.stem] = sum(map(proportional_memory, descendants(pid))) / 2**20
    return used


def stage_rows(runs: list[PlaybookRun]) -> list[tuple[str, ...]]:
    """Return one row for each stage: its name, and its seconds in each run."""
    return [(name, *(f"{run.stages[name].seconds:.1f}" for run in runs)) for name in runs[0].stages]


def measure(clone: Path) -> None:
    """Set a clone up, run its site.yml twice, print the tables, and stop what was started."""
    began = time.monotonic()
    subprocess.run(["make", "setup"], cwd=clone, check=True)
    set_up = time.monotonic() - began
    in_clone = partial(
        run_playbook,
        inventory=clone / "inventories" / "local",
        directory=clone,
        python=clone / ".venv" / "bin" / "python",
        platform_state_dir=str(clone / ".local"),
    )
    runs, walls = [], []
    try:
        for _ in range(2):
            began = time.monotonic()
            run = in_clone("site.yml")
            walls.append(time.monotonic() - began)
            runs.append(run)
            if run.return_code:
                sys.exit(run.output)
        used = memory(clone / ".local")
    finally:
        in_clone("playbooks/local_down.yml")
    print(table("Set-up", ("step", "seconds"), [("make setup", f"{set_up:.0f}")]))
    total = ("**total**", *(f"**{wall:.1f}**" for wall in walls))
    changed = ("tasks that changed something", *(str(len(run.changed)) for run in runs))
    rows = [*stage_rows(runs), total, changed]
    print(table("site.yml, seconds", ("stage", "first run", "second run"), rows))
    rows = [(name, f"{mebibytes:.0f}") for name, mebibytes in used.items()]
    rows.append(("**total**", f"**{sum(used.values()):.0f}**"))
    print(table("Memory of the local stack, MiB", ("process", "MiB"), rows))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", ROOT, f"{folder}/clone"], check=True)
        measure(Path(folder, "clone"))
