"""The collection as Ansible Galaxy brings it: installed from its tarball, without the checkout."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.local_platform import run_command
from support.playbook_run import ROOT, run_playbook

pytestmark = pytest.mark.usefixtures("platform")


@dataclass(frozen=True)
class Installation:
    """A folder with nothing but the installed collection and an inventory."""

    folder: Path
    tarball: Path
    environment: dict[str, str]

    def run(self, *argv: str) -> str:
        """Run a command there."""
        return run_command(*argv, directory=self.folder, **self.environment)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    build = ("ansible-galaxy", "collection", "build", f"--output-path={built}", str(ROOT))
    run_command(*build, directory=folder)
    [tarball] = built.iterdir()
    installed = Installation(folder, tarball, {"ANSIBLE_COLLECTIONS_PATH": f"{folder}/collections"})
    install = ("ansible-galaxy", "collection", "install", "--offline", "--no-deps")
    installed.run(*install, f"--collections-path={folder}/collections", str(tarball))
    shutil.copytree(ROOT / "inventories" / "local", folder / "inventories" / "local")
    return installed


def test_the_tarball_holds_what_git_holds_and_a_user_needs(installation: Installation) -> None:
    with tarfile.open(installation.tarball) as tarball:
        files = {member.name for member in tarball if not member.isdir()}
    held = run_command("git", "ls-files", "--cached", "--others", "--exclude-standard").split()

    assert files - {"MANIFEST.json", "FILES.json"} <= set(held)
    top = {name.partition("/")[0] for name in files}
    assert {"charts", "model_repo", "models", "playbooks", "plugins", "roles"} <= top
    assert {"collections", "inventories", "tests"} & top == set()
    assert [name for name in top if name.startswith(".")] == []


def test_the_documentation_shows(installation: Installation) -> None:
    module = installation.run("ansible-doc", "-t", "module", "mlops.gpu_platform.onnx_export")
    role = installation.run("ansible-doc", "-t", "role", "mlops.gpu_platform.triton_release")

    assert str(installation.folder) in module
    assert "batch_sizes" in module
    assert str(installation.folder) in role
    assert "triton_release_image_tag" in role


def test_the_playbooks_run(installation: Installation) -> None:
    run = run_playbook(
        "mlops.gpu_platform.site",
        "--tags",
        "aws_network",
        inventory=installation.folder / "inventories" / "local",
        directory=installation.folder,
        environment=installation.environment,
    )

    assert run.return_code == 0, run.output
    assert run.changed == []
    assert "Build or tear down the network" in run.tasks
    assert "Create the cluster" not in run.tasks
    paths = {event["event_data"].get("task_path") for event in run.events} - {None, ""}
    assert [path for path in paths if not path.startswith(f"{installation.folder}/")] == []
