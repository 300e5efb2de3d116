"""The table at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.executor.stats import AggregateStats
from ansible_collections.mlops.gpu_platform.plugins.callback.stage_summary import (
    CallbackModule,
    Stage,
    doctor_command,
    render,
)

ROOT = Path(__file__).resolve().parents[3]


def stage(name: str, **counts: int) -> Stage:
    made = Stage(name, where="somewhere", started=10.0, ended=12.34)
    made.counts.update(counts)
    return made


def test_a_row_tells_what_happened() -> None:
    lines = render(
        [
            stage("Models", ok=3),
            stage("Image", ok=3, changed=2),
            stage("Rollout", changed=1, failed=1),
        ]
    )
    assert [line.split() for line in lines[2:]] == [
        ["Models", "ok", "2.3", "somewhere"],
        ["Image", "changed", "2", "2.3", "somewhere"],
        ["Rollout", "failed", "2.3", "somewhere"],
    ]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    header, rule, row = render([stage("A much longer name", ok=1)])
    assert header.index("result") == row.index("ok")
    assert len(rule) == max(len(header), len(row))


@pytest.mark.parametrize(("outcome", "result"), [("rescued", "ok"), ("failures", "failed")])
def test_what_was_rescued_did_not_fail(
    outcome: str, result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stats = AggregateStats()
    stats.increment(outcome, "localhost")
    shown: list[str] = []
    callback = CallbackModule()
    callback.stages = [stage("Teardown", ok=1, failed=1)]
    monkeypatch.setattr(callback._display, "display", lambda line, **_: shown.append(line))
    callback.v2_playbook_on_stats(stats)
    row = next(line for line in shown if line.startswith("Teardown"))
    assert row.split()[1] == result
    # What has failed is offered the doctor.
    assert any("playbooks/doctor.yml" in line for line in shown) is (result == "failed")


HERE = list(constants.DEFAULT_HOST_LIST)


@pytest.mark.parametrize(
    ("options", "directory", "command"),
    [
        ({"args": ("site.yml",), "inventory": HERE}, ROOT, "playbooks/doctor.yml"),
        (
            {"args": ("site.yml",), "inventory": [str(ROOT / "inventories/dev")]},
            ROOT,
            "-i inventories/dev playbooks/doctor.yml",
        ),
        (
            {"args": ("site.yml",), "inventory": HERE, "extra_vars": ("token=secret",)},
            ROOT,
            "playbooks/doctor.yml with the same -e",
        ),
        ({"args": ("mlops.gpu_platform.site",)}, ROOT, "mlops.gpu_platform.doctor"),
        ({"args": ("/x/site.yml",), "inventory": HERE}, Path("/x"), f"{ROOT}/playbooks/doctor.yml"),
    ],
)
def test_the_doctor_is_called_as_the_run_was(
    options: dict[str, Any], directory: Path, command: str
) -> None:
    assert (
        doctor_command({"inventory": HERE, **options}, directory) == f"ansible-playbook {command}"
    )
