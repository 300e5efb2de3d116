"""The infrastructure stage against the same calls by boto3 in one process.

Usage: ``PYTHONPATH=tests:tools python -m benchmarks.infrastructure``. Takes about nine minutes.

Each round begins with an empty emulated AWS. The playbook creates everything, runs again and finds
nothing to do; then boto3 makes the same changes on an empty account of its own, which is what both
runs are held against. It makes no look before it creates, waits for EKS only, and compares nothing.
The second run is also held against boto3 that only looks, at what the second run looks at.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from free_ports import PORTS, free_offset
from support.emulated_aws import emulated_aws
from support.playbook_run import PlaybookRun, run_playbook

from .measure import Row, Spread, table
from .replay import Account

ROUNDS = 3
PORT_OFFSET = free_offset()
PORT = PORTS["aws"] + PORT_OFFSET
STAGE = ("playbooks/infrastructure.yml", "--skip-tags", "nvidia_device_plugin,cluster_autoscaler")
EKS_SECONDS = {"cluster": 240, "nodegroup": 90, "addon": 30, "update": 10}
"""For the parallel waits. AWS takes two or three times as long."""


class Measured(NamedTuple):
    """Seconds and calls of one contender."""

    seconds: float
    calls: int


def lines(log: Path) -> list[str]:
    """Return the lines of a request log."""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def playbook(state: Path, log: Path) -> tuple[Measured, PlaybookRun]:
    """Run the stage, and measure it."""
    before, began = len(lines(log)), time.monotonic()
    run = run_playbook(*STAGE, platform_state_dir=str(state), local_stack_port_offset=PORT_OFFSET)
    seconds = time.monotonic() - began
    if run.return_code:
        sys.exit(run.output)
    return Measured(seconds, len(lines(log)) - before), run


def floor(
    url: str, log: Path, made: Path, what: str, ids: dict[str, str] | None = None
) -> Measured:
    """Make the calls of a log by boto3 in one process, and measure it."""
    before, began = len(lines(made)), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.replay", url, str(log), what],
        input=json.dumps(ids),
        text=True,
        check=True,
    )
    return Measured(time.monotonic() - began, len(lines(made)) - before)


def one_round(folder: Path) -> dict[str, Measured]:
    """Measure both runs of both contenders, each on an account that begins empty."""
    ours, second_log, theirs = (folder / name for name in ("ours", "second", "theirs"))
    with emulated_aws(PORT, ours) as url:
        create, _ = playbook(folder / "state", ours)
        created = lines(ours)
        again, run = playbook(folder / "state", ours)
        if run.changed:
            sys.exit(f"the second run changes {run.changed}")
        second_log.write_text("\n".join(lines(ours)[len(created) :]), encoding="utf-8")
        looks = floor(url, second_log, ours, "read")
        ids = Account(url).ids()
    created_log = folder / "created"
    created_log.write_text("\n".join(created), encoding="utf-8")
    with emulated_aws(PORT, theirs) as url:
        bare = floor(url, created_log, theirs, "create", ids)
    return {"create": create, "again": again, "bare": bare, "looks": looks}


def critical_path(folder: Path) -> float:
    """Return the stage's seconds as a ratio to those of a cluster and then a node group."""
    log = folder / "slow"
    with emulated_aws(PORT, log, EKS_SECONDS):
        measured, _ = playbook(folder / "slow_state", log)
    return measured.seconds / (EKS_SECONDS["cluster"] + EKS_SECONDS["nodegroup"])


def measure() -> str:
    """Return the tables."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = []
        for number in range(ROUNDS + 1):
            (place := Path(folder, str(number))).mkdir()
            rounds.append(one_round(place))
        # The first is for warming up.
        del rounds[0]
        waits = critical_path(Path(folder))

    def of(name: str) -> list[float]:
        return [each[name].seconds for each in rounds]

    def row(title: str, ours: str, theirs: str, aims: tuple[str, str]) -> Row:
        return (
            title,
            Spread.of(of(ours)),
            Spread.of(of(theirs)),
            Spread.ratio(of(ours), of(theirs)),
            aims[0],
            rounds[-1][ours].calls,
            rounds[-1][theirs].calls,
            aims[1],
        )

    header = ("", "playbook, s", "boto3, s", "ratio", "aim", "calls", "of boto3", "aim")
    rows = [
        row("create, to boto3 that creates", "create", "bare", ("at most 6", "at most 160")),
        row("second run, to boto3 that creates", "again", "bare", ("at most 5", "at most 110")),
        row("second run, to boto3 that only looks", "again", "looks", ("", "")),
    ]
    path = [("cluster, then node group", f"{waits:.2f}", "at most 1.10")]
    return table("The infrastructure stage", header, rows) + table(
        "The stage with a slow EKS, as a ratio to its critical path", ("", "ratio", "aim"), path
    )


if __name__ == "__main__":
    print(measure())
