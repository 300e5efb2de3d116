"""Nothing phones home: wherever onnxruntime is imported, its telemetry has been turned off."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.mlops.gpu_platform.tools.role_variables import ROOT

VARIABLE = "ORT_DISABLE_TELEMETRY"
IMPORT = re.compile(r"^\s*(?:import|from) onnxruntime\b", re.MULTILINE)
LAUNCHED = ("emulators/stand_ins/triton/backends", "model_repo")
"""What only a Triton imports, which the launcher, the image and the pod give the variable."""
CONTROLLER = [
    path
    for path in sorted((ROOT / "plugins").rglob("*.py"))
    if IMPORT.search(path.read_text(encoding="utf-8"))
]


def run(code: str, home: Path) -> None:
    """Run code with nothing set that a caller may have set, nor what tells of a CI.

    On a CI onnxruntime is silent by itself.
    """
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    environment |= {"PYTHONPATH": str(ROOT / "collections")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_onnxruntime_writes_below_home_unless_told(tmp_path: Path) -> None:
    """The control: were this to pass no more, the tests below would prove nothing."""
    run("import onnxruntime", tmp_path)

    assert list(tmp_path.rglob("onnxruntime.db"))


@pytest.mark.parametrize("path", CONTROLLER, ids=lambda path: path.stem)
def test_what_imports_it_has_turned_telemetry_off(path: Path, tmp_path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    run(f"import ansible_collections.mlops.gpu_platform.{name}, onnxruntime", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_every_other_import_is_started_by_triton() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in (
            *("roles", "emulators", "model_repo", "models", "playbooks", "tools", "charts"),
            "grafana",
        )
        for path in (ROOT / folder).rglob("*.py")
        if IMPORT.search(path.read_text(encoding="utf-8"))
    }
    assert [path for path in found if not path.startswith(LAUNCHED)] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("emulators/stand_ins/triton/lay_out.py", f"export {VARIABLE}=1"),
        ("roles/triton_image/templates/Dockerfile.j2", f"{VARIABLE}=1"),
    ],
)
def test_what_starts_triton_sets_the_variable(path: str, line: str) -> None:
    assert line in (ROOT / path).read_text(encoding="utf-8")


def test_the_pod_sets_the_variable() -> None:
    text = (ROOT / "charts/triton/templates/deployment.yaml").read_text(encoding="utf-8")
    [value] = re.findall(rf"- name: {VARIABLE}\n +value: (.*)", text)
    assert yaml.safe_load(value) == "1"
