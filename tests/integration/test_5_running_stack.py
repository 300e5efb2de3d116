"""A running stack holds the user's account: no run replaces it, and no other stack hides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.local_platform import nothing_changes, stack_processes
from support.playbook_run import PORT_OFFSET, STATE, run_playbook

pytestmark = pytest.mark.usefixtures("platform")


@pytest.mark.parametrize(
    ("variables", "difference"),
    [
        (
            {"local_stack_port_offset": PORT_OFFSET + 100},
            f"--port={PORT_OFFSET + 5000} in place of --port={PORT_OFFSET + 5100} in its command",
        ),
        (
            {"local_stack_eks_seconds": {"cluster": 6}},
            "--eks-seconds= in place of --eks-seconds=cluster=6 in its command",
        ),
    ],
    ids=["other ports", "other times"],
)
def test_it_is_not_replaced(variables: dict[str, Any], difference: str) -> None:
    before, files = stack_processes(), written()

    with nothing_changes():
        run = run_playbook("playbooks/local_up.yml", **variables)

    assert run.return_code == 2
    [failure] = run.failures
    assert failure.startswith("aws_emulator (process ")
    assert difference in failure
    assert "the emulated AWS account" in failure
    assert "playbooks/local_down.yml" in failure
    assert run.changed == []
    assert (stack_processes(), written()) == (before, files)


def test_another_checkout_on_its_ports_is_told_whose_they_are(tmp_path: Path) -> None:
    run = run_playbook(
        "playbooks/local_up.yml",
        platform_state_dir=str(tmp_path),
        # Its Triton would have the port of this stack's AWS.
        local_stack_port_offset=PORT_OFFSET - 3000,
    )

    assert run.return_code == 2
    [failure] = run.failures
    assert (
        f"{PORT_OFFSET + 5000} (triton_http of node_agent) by the local stack whose pid files "
        f"are in {STATE}/run (processes "
    ) in failure
    assert list(tmp_path.iterdir()) == []


def written() -> dict[str, str]:
    """Return what describes the stack to its clients."""
    return {name: (STATE / name).read_text() for name in ("endpoints.json", "kubeconfig")}
