"""The committed dashboards are what the generator writes, and Prometheus understands them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from .conftest import REPOSITORY

DASHBOARDS = sorted(REPOSITORY.glob("grafana/dashboards/*.json"))
BOARDS = [pytest.param(json.loads(path.read_text()), id=path.name) for path in DASHBOARDS]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_committed_dashboard_is_the_generated_one(path: Path) -> None:
    generator = runpy.run_path(str(REPOSITORY / "grafana/generate.py"))
    assert path.read_text() == generator["render"](generator[path.stem]())


@pytest.mark.parametrize("board", BOARDS)
def test_panels_are_told_apart(board: dict[str, Any]) -> None:
    panels = board["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert len({panel["title"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    assert all(
        panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels
    )


@pytest.mark.parametrize("board", BOARDS)
def test_every_expression_is_promql(board: dict[str, Any]) -> None:
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    assert targets
    for target in targets:
        # What Grafana puts in: a range for its own variable.
        promql_parser.parse(target["expr"].replace("$__rate_interval", "1m"))
