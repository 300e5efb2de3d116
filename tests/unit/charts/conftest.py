"""Helm, and what it renders."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[3] / "charts/triton"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mlops/triton:0123456789ab"

Helm = Callable[..., subprocess.CompletedProcess[str]]
Objects = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def helm(kubernetes_clients: Path) -> Helm:
    """Return a function that runs helm and returns what it did."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [kubernetes_clients / "helm", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def template(helm: Helm, tmp_path: Path) -> Helm:
    """Return a function that renders the chart with values, as keywords."""

    def run(**values: Any) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump({"image": IMAGE, **values}))
        return helm("template", "triton", CHART, "--namespace=triton", "--values", file)

    return run


@pytest.fixture
def render(template: Helm) -> Callable[..., Objects]:
    """Return a function that renders the chart and returns its objects by kind."""

    def run(**values: Any) -> Objects:
        done = template(**values)
        assert done.returncode == 0, done.stderr
        return {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}

    return run
