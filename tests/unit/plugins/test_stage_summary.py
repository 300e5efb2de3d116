"""The table at the end of a run."""

from __future__ import annotations

import pytest
from ansible.executor.stats import AggregateStats
from ansible_collections.mlops.gpu_platform.plugins.callback.stage_summary import (
    CallbackModule,
    Stage,
    render,
)


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
    assert shown[-1].split()[1] == result
