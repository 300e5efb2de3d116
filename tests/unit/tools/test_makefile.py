"""What the Makefile gives to everything that it starts."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT


@pytest.mark.parametrize("locale", ["C", "xx_XX.UTF-8"])
def test_ansible_gets_a_locale_that_it_takes(locale: str) -> None:
    run = subprocess.run(
        ["make", "--silent", "--eval=version: ; @ansible-playbook --version", "version"],
        cwd=ROOT,
        env=os.environ | {"LC_ALL": locale},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("ansible-playbook [core ")
