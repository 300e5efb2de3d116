"""Look at the tests' own local stack from outside: its processes, its cluster, its AWS account."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from free_ports import PORTS

from support.playbook_run import PORT_OFFSET, ROOT, STATE

AWS_URL = f"http://127.0.0.1:{PORTS['aws'] + PORT_OFFSET}"
COMMAND_SECONDS = 60
READING = re.compile("BatchGet|Describe|Get|List")


def run_command(*argv: str, directory: Path = ROOT, **environment: str) -> str:
    """Run a command, of this Python's environment first, and return what it prints.

    Raises:
        subprocess.CalledProcessError: it fails.
        subprocess.TimeoutExpired: it takes longer than a minute.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        argv,
        check=True,
        cwd=directory,
        env=os.environ | {"PATH": path} | environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=COMMAND_SECONDS,
    ).stdout


def kubectl(*arguments: str) -> str:
    """Ask the cluster by kubectl."""
    return run_command(f"{STATE}/bin/kubectl", f"--kubeconfig={STATE}/kubeconfig", *arguments)


def helm(*arguments: str) -> str:
    """Ask the cluster by Helm."""
    return run_command(f"{STATE}/bin/helm", f"--kubeconfig={STATE}/kubeconfig", *arguments)


def kubernetes_objects() -> dict[str, Any]:
    """Return what somebody asked of the cluster: all objects by name, without their status."""
    kinds = set(kubectl("api-resources", "--verbs=list", "--output=name").split())
    # The cluster itself writes these all the time.
    kinds -= {"events", "events.events.k8s.io", "leases.coordination.k8s.io"}
    found = json.loads(kubectl("get", ",".join(kinds), "--all-namespaces", "--output=json"))
    objects = {}
    for item in found["items"]:
        metadata = item["metadata"]
        for changing in ("managedFields", "resourceVersion"):
            metadata.pop(changing, None)
        item.pop("status", None)
        objects[f"{item['kind']} {metadata.get('namespace')}/{metadata['name']}"] = item
    return objects


def aws_log() -> list[dict[str, Any]]:
    """Return the requests to the AWS emulator, in order."""
    log = STATE / "logs" / "aws_requests.jsonl"
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def aws_requests() -> list[str]:
    """Return the actions that the AWS emulator was asked for, such as ``CreateVpc``, in order."""
    return [line["action"] for line in aws_log()]


OWN_REQUESTS: set[int] = set()
"""Where in the log the tests' own requests are."""


@cache
def aws_client(service: str) -> Any:
    """Return a client of the emulated AWS, for what a test does itself."""
    client = boto3.client(
        service,
        endpoint_url=AWS_URL,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.meta.events.register("before-call", lambda **_: OWN_REQUESTS.add(len(aws_log())))
    return client


def playbooks_requests() -> list[dict[str, Any]]:
    """Return the requests that playbooks made, in order."""
    return [line for index, line in enumerate(aws_log()) if index not in OWN_REQUESTS]


@contextmanager
def fault(**rule: Any) -> Iterator[None]:
    """Have the emulated AWS refuse what a rule strikes; see ``aws_emulator.http.faults``."""
    page = f"{AWS_URL}/_emulator/faults"
    urlopen(Request(page, json.dumps([rule]).encode(), method="PUT"), timeout=10).close()
    try:
        yield
    finally:
        urlopen(Request(page, method="DELETE"), timeout=10).close()


def aws_changes() -> list[str]:
    """Return those actions that create, change or delete something."""
    return [action for action in aws_requests() if not READING.match(action)]


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Assert that AWS and the cluster are as they were."""
    before = (aws_changes(), kubernetes_objects())
    yield
    assert (aws_changes(), kubernetes_objects()) == before


def command_line(pid: int) -> str:
    """Return the command of a process, empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stack_processes() -> dict[int, str]:
    """Return the commands of the processes that the supervisor started, by process id."""
    pids = [json.loads(file.read_text(encoding="utf-8"))["pid"] for file in STATE.glob("run/*.pid")]
    return {pid: command for pid in pids if (command := command_line(pid))}


def processes() -> dict[int, str]:
    """Return the commands of all live processes of the platform, by process id.

    They are those of the stack and of its pods, and all others whose command names the state
    directory: probes and Ansible's modules, which come and go.
    """
    found = stack_processes()
    for file in STATE.glob("agent/run/*.pid"):
        pid = int(file.read_text(encoding="utf-8").split()[0])
        found[pid] = command_line(pid)
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if f"{STATE}/" in (command := command_line(pid)):
            found[pid] = command
    return {pid: command for pid, command in found.items() if command}
