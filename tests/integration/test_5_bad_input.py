"""Bad input: one clear error, and nothing is created."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.local_platform import aws_requests
from support.playbook_run import ROOT, STATE, PlaybookRun, run_playbook

pytestmark = pytest.mark.usefixtures("platform")

HUGE_MODEL = """
import torch

def build():
    # On this device a tensor has a size and no content: 40 TB.
    return {
        "module": torch.nn.Linear(1_000_000, 10_000_000, device="meta"),
        "inputs": lambda size: (torch.empty(size, 1_000_000, device="meta"),),
        "input_names": ["input"],
        "output_names": ["output"],
        "dynamic_shapes": {"input": {0: torch.export.Dim.DYNAMIC}},
        "random_weights": True,
    }
"""


def refused_run(last_stage: str, **arguments: Any) -> PlaybookRun:
    """Run site.yml, which must fail at one task of a stage and ask nothing of AWS."""
    requests = aws_requests()
    run = run_playbook("site.yml", "--skip-tags", "local_stack", **arguments)
    assert run.return_code == 2
    assert len(run.failures) == 1, run.failures
    assert list(run.stages)[-1] == last_stage
    assert run.changed == []
    assert aws_requests() == requests
    assert "Traceback" not in run.output
    return run


@pytest.mark.parametrize(
    ("variable", "given", "message"),
    [
        pytest.param(
            "model_repository_models",
            [{"name": "resnet50"}, {"name": "resnet51"}],
            'model_repository_models is [{"name": "resnet50"}, {"name": "resnet51"}], but must be '
            "of a source, a file or a folder each, or without one of resnet50, ",
            id="unknown model",
        ),
        pytest.param(
            "platform_state_dir",
            "~nobody-of-that-name/state",
            'platform_state_dir is "~nobody-of-that-name/state", but must be the path of a folder',
            id="folder of nobody",
        ),
        pytest.param(
            "aws_network_cidr",
            "10.20.0.0/33",
            'aws_network_cidr is "10.20.0.0/33", but must be an IPv4 network between /16 and /28',
            id="no network",
        ),
        pytest.param(
            "gpu_node_group_max_size",
            "many",
            'gpu_node_group_max_size is "many", but must be a whole number, such as 3',
            id="number as text",
        ),
        pytest.param(
            "aws_identity_operator_principals",
            "arn:aws:iam::123456789012:root",
            'aws_identity_operator_principals is "arn:aws:iam::123456789012:root", but must be a '
            "list, on the command line as JSON",
            id="list as text",
        ),
        pytest.param(
            "gpu_node_group_taints",
            "gpu=true:NoSchedule",
            'gpu_node_group_taints is "gpu=true:NoSchedule", but must be a list',
            id="taint as text",
        ),
    ],
)
def test_a_bad_value_is_refused(variable: str, given: Any, message: str) -> None:
    run = refused_run("Preflight", **{variable: given})

    assert message in run.failures[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    disk = tmp_path / "small"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk can be mounted by root only: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_too_small_is_refused(small_disk: Path) -> None:
    run = refused_run("Preflight", platform_state_dir=str(small_disk / "state"))

    assert run.failures == [
        f'platform_state_dir is "{small_disk}/state", where this platform takes 700.00 MB: '
        "0.00 Bytes are there, and the disk has 16.00 MB free, so 684.00 MB are missing. Free "
        "them, or give platform_state_dir a folder on another disk"
    ]


def test_a_mistyped_variable_is_refused(tmp_path: Path) -> None:
    inventory = tmp_path / "inventories" / "mine"
    shutil.copytree(ROOT / "inventories" / "local", inventory)
    with (inventory / "group_vars" / "local.yml").open("a", encoding="utf-8") as variables:
        variables.write("\naws_network_cird: 10.30.0.0/16\n")

    run = refused_run("Preflight", inventory=inventory)

    assert run.failures == [
        "aws_network_cird is not a variable of any role: did you mean aws_network_cidr?"
    ]


def test_a_model_larger_than_the_disk_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "huge.py"
    source.write_text(HUGE_MODEL, encoding="utf-8")

    run = refused_run(
        "Models",
        model_repository_exports=str(tmp_path / "exports"),
        model_repository_models=[{"name": "huge", "source": f"{source}:build"}],
    )

    needed = 2 * 4 * 10_000_000 * 1_000_001
    told = f"{tmp_path}/exports/huge needs {needed} bytes and its disk has "
    assert told in run.failures[0]
    assert not list((tmp_path / "exports").rglob("*.onnx"))


def test_a_corrupt_onnx_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "half.onnx"
    whole = (STATE / "models" / "gpt_mini" / "1" / "model.onnx").read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    run = refused_run(
        "Models",
        model_repository_exports=str(tmp_path / "exports"),
        model_repository_models=[{"name": "mine", "file": str(file)}],
    )

    assert f"{file} is not a valid ONNX model: " in run.failures[0]
    assert not list((tmp_path / "exports").rglob("*.onnx"))
