"""Versions in use are versions in support: each known end is warned of, each range holds."""

from __future__ import annotations

import datetime
import importlib
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


class Support(NamedTuple):
    """A pinned tool, where it is pinned, and the day on which its publisher's support ends."""

    tool: str
    file: str
    line: str
    ends: datetime.date
    source: str


TOOLS = [
    Support(**entry)
    for entry in yaml.safe_load((ROOT / "tests/data/support.yml").read_text(encoding="utf-8"))
]

COLLECTIONS: dict[str, str] = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))[
    "dependencies"
]


class SupportEndedWarning(UserWarning):
    """A pinned tool gets no more fixes."""


def warn_of_ended(tools: Iterable[Support], today: datetime.date) -> None:
    for tool in tools:
        if tool.ends < today:
            warnings.warn(
                f"{tool.tool} is out of support since {tool.ends}: move the pin in {tool.file}, "
                f"then its entry in tests/data/support.yml ({tool.source})",
                SupportEndedWarning,
                stacklevel=2,
            )


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.tool)
def test_tool_is_pinned_where_its_entry_says(tool: Support) -> None:
    assert tool.line in (ROOT / tool.file).read_text(encoding="utf-8")
    assert isinstance(tool.ends, datetime.date)
    assert tool.source.startswith("https://")


def test_a_tool_past_its_support_is_warned_of_by_name() -> None:
    day = datetime.date(2026, 11, 30)
    tool = Support("ansible-core 2.19", "requirements.lock", "", day, "https://example.com")
    with pytest.warns(SupportEndedWarning, match=r"ansible-core 2\.19 .* since 2026-11-30") as seen:
        warn_of_ended([tool], day + datetime.timedelta(days=1))
    assert len(seen) == 1


def test_the_last_day_of_support_is_no_reason_to_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_ended(TOOLS, min(tool.ends for tool in TOOLS))


def test_tools_are_in_support_today() -> None:
    """Warn instead of fail: a date must not stop a change that has nothing to do with it."""
    warn_of_ended(TOOLS, datetime.datetime.now(tz=datetime.UTC).date())


@pytest.mark.parametrize("name", COLLECTIONS)
def test_galaxy_allows_the_collections_that_the_tests_run_with(name: str) -> None:
    (folder,) = importlib.import_module(f"ansible_collections.{name}").__path__
    manifest = json.loads((Path(folder) / "MANIFEST.json").read_text(encoding="utf-8"))
    assert manifest["collection_info"]["version"] in SpecifierSet(COLLECTIONS[name])


def test_galaxy_allows_the_collections_of_requirements() -> None:
    pinned = yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert {entry["name"] for entry in pinned} == set(COLLECTIONS)
    assert all(entry["version"] in SpecifierSet(COLLECTIONS[entry["name"]]) for entry in pinned)
