"""The health page, and that moto is set up as the platform needs it."""

from __future__ import annotations

import json
from urllib.request import urlopen

from ansible_collections.mlops.gpu_platform.emulators.tests.aws_emulator.conftest import Emulator


def test_health_page_answers_without_credentials(emulator: Emulator) -> None:
    with urlopen(emulator.url, timeout=5) as answer:
        assert answer.status == 200
        assert json.load(answer)["emulates"] == "aws"
