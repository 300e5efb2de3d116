"""The collection as Ansible Galaxy brings it: installed from its tarball, without the checkout."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.local_platform import command_line, run_command
from support.playbook_run import PORT_OFFSET, ROOT, PlaybookRun, run_playbook

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
    assert {"charts", "emulators", "model_repo", "models", "playbooks", "plugins", "roles"} <= top
    assert {"collections", "inventories", "tests"} & top == set()
    assert [name for name in files if name.startswith("emulators/tests")] == []
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


@dataclass(frozen=True)
class Newcomer:
    """Who has installed the collection and what it requires, and has a stack of their own."""

    installation: Installation
    python: Path
    state: Path

    @property
    def emulators(self) -> Path:
        """The project that the tarball carries."""
        collection = self.installation.folder / "collections/ansible_collections/mlops/gpu_platform"
        return collection / "emulators"

    def run(self, playbook: str) -> PlaybookRun:
        """Run a playbook of the collection by their Python."""
        return run_playbook(
            f"mlops.gpu_platform.{playbook}",
            inventory=self.installation.folder / "inventories" / "local",
            directory=self.installation.folder,
            python=self.python,
            environment=self.installation.environment,
            platform_state_dir=str(self.state),
            local_stack_port_offset=PORT_OFFSET + 1000,
        )


@pytest.fixture(scope="module")
def newcomer(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Somebody whose Python has every package of this one but the emulators.

    A folder that a .pth file names is searched for packages, and its own .pth files are not read:
    an installation of the emulators as they lie in the checkout is one of these.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (own / "packages.pth").write_text(sysconfig.get_path("purelib"))
    _, _, body = Path(sys.executable).with_name("ansible-playbook").read_text().partition("\n")
    (folder / "bin" / "ansible-playbook").write_text(f"#!{python}\n{body}")
    (folder / "bin" / "ansible-playbook").chmod(0o755)
    return Newcomer(installation, python, tmp_path_factory.mktemp("stack"))


def test_a_python_without_the_emulators_is_refused(newcomer: Newcomer) -> None:
    run = newcomer.run("local_up")

    assert run.return_code == 2
    command = f"{newcomer.python} -m pip install {shlex.quote(str(newcomer.emulators))}"
    assert run.failures == [
        f"{newcomer.python} cannot import aws_emulator, kubernetes_emulator, node_agent, "
        f"stand_ins, of which the local stack is made: run {command}"
    ]
    assert list(newcomer.state.iterdir()) == []


def test_the_tarball_carries_what_the_local_inventory_runs(newcomer: Newcomer) -> None:
    # No index can be asked here, and what the project requires is there.
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    run_command(str(newcomer.python), "-m", "pip", "install", *offline, str(newcomer.emulators))

    up = newcomer.run("local_up")
    pids = [json.loads(file.read_text())["pid"] for file in newcomer.state.glob("run/*.pid")]
    commands = [command_line(pid) for pid in pids]
    down = newcomer.run("local_down")

    assert up.return_code == 0, up.output
    assert len(commands) == 5
    assert all(command.startswith(f"{newcomer.python} -m ") for command in commands)
    assert down.return_code == 0, down.output
    assert [pid for pid in pids if command_line(pid)] == []
