"""The generated pages of docs/ are what the roles say now, and the tests that pages name exist."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mlops.gpu_platform.tools.generate_docs import pages
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=list(pages()))
def test_page_is_the_generated_one(path: str, text: str) -> None:
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == text, "run `make docs` to generate the pages anew"


def test_tests_that_pages_name_exist() -> None:
    pages_by_hand = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), ROOT / "emulators/README.md"]
    named = {
        name
        for page in pages_by_hand
        for name in re.findall(r"\btest_\w+\.py\b", page.read_text(encoding="utf-8"))
    }
    tests = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("emulators/tests/**/*.py")]
    assert named
    assert named <= {path.name for path in tests}
