"""The images file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from node_agent.pods.images import find, split_reference


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("triton", ("triton", "latest")),
        ("reg:5000/triton", ("reg:5000/triton", "latest")),
        ("reg:5000/triton:v1", ("reg:5000/triton", "v1")),
        ("reg/triton:v1@sha256:00", ("reg/triton", "v1")),
        ("reg/triton@sha256:00", ("reg/triton", "latest")),
    ],
)
def test_references(reference: str, expected: tuple[str, str]) -> None:
    assert split_reference(reference) == expected


def test_image_is_filled_in(tmp_path: Path) -> None:
    entry = {
        "repository": "reg/triton",
        "root": "/images/{tag}",
        "command": ["/bin/tritonserver"],
        "args": ["--http-address={pod_ip}", "{literal}"],
        "paths": {"/models": "{root}/models"},
    }
    file = tmp_path / "images.json"
    file.write_text(json.dumps({"images": [entry]}))
    image = find(file, "reg/triton:v1", "127.10.0.2")
    assert image is not None
    assert image.root == Path("/images/v1")
    assert image.args == ["--http-address=127.10.0.2", "{literal}"]
    assert image.paths == {"/models": "/images/v1/models"}
    assert find(file, "reg/other:v1", "127.10.0.2") is None
