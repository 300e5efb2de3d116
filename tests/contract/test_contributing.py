"""What CONTRIBUTING.md and the decisions name is there: paths, make's targets, the ten answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [CONTRIBUTING, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")
NAME = re.compile(r"[\w.-]+\.(?:cfg|json|lock|md|py|toml|txt|ya?ml)")
MADE_BY_SET_UP = (".venv/", ".local/")


def code(text: str) -> Iterator[str]:
    """Yield each word that a page sets as code."""
    for block, span in CODE.findall(text):
        yield from (block or span).split()


def is_path(word: str) -> bool:
    """Tell a path of the repository from a command, an address and what set-up makes."""
    if "://" in word or word.startswith(("/", "-", *MADE_BY_SET_UP)):
        return False
    return "/" in word or NAME.fullmatch(word) is not None


def there(path: str, folder: Path = ROOT) -> bool:
    """Tell whether a path exists; `<role>` in it stands for any role."""
    return any(folder.glob(re.sub(r"<\w+>", "*", path.removesuffix("/"))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = {word for word in code(text) if is_path(word)}
    assert paths
    assert sorted(path for path in paths if not there(path)) == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "SECURITY.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_named_targets_are_make_s() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b", CONTRIBUTING.read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"setup", "check", "test"} <= named


def test_ten_questions_have_a_path_for_an_answer() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    section = text.split("## Where do I change ...?")[1].split("\n## ")[0]
    answers = [line.split("|")[2] for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(answers) == 10
    for answer in answers:
        paths = re.findall(r"`([^`]+)`", answer)
        assert paths
        assert all(map(there, paths))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("roles/<role>/tasks/main.yml", True),
        ("galaxy.yml", True),
        ("make", False),
        ("numpy==1.26.4", False),
        ("amazon.aws", False),
        ("https://models.example.com/detector.onnx#sha256=...", False),
        ("/v2/health/ready", False),
        (".venv/bin/pre-commit", False),
    ],
)
def test_a_path_is_told_from_other_words(word: str, expected: bool) -> None:
    assert is_path(word) is expected


def test_a_path_that_is_gone_is_missed() -> None:
    assert there("roles/<role>/tasks/main.yml")
    assert not there("roles/<role>/tasks/no_such_file.yml")
