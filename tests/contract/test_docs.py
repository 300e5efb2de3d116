"""The generated pages of docs/ are what the roles say now."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.tools.generate_docs import pages
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=list(pages()))
def test_page_is_the_generated_one(path: str, text: str) -> None:
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == text, "run `make docs` to generate the pages anew"
