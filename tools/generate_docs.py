"""Write the pages of docs/ that are made from the roles.

Usage: ``make docs``, or ``PYTHONPATH=collections python tools/generate_docs.py``. A page is a
function that returns its text, named in ``pages``; a test compares what is committed with it.
"""

from __future__ import annotations

from ansible_collections.mlops.gpu_platform.tools.iam_roles_page import iam_roles_page
from ansible_collections.mlops.gpu_platform.tools.infra_page import infra_page
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT
from ansible_collections.mlops.gpu_platform.tools.vpc_page import vpc_page


def pages() -> dict[str, str]:
    """Return the text of each generated page by its path in the repository."""
    return {
        "docs/iam-roles.md": iam_roles_page(),
        "docs/infra-readme.md": infra_page(),
        "docs/vpc-setup.md": vpc_page(),
    }


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
