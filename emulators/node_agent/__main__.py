"""Run the agent until SIGTERM; then end its processes and leave the API objects alone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stand_ins import disk

from .client import Client
from .cluster import Cluster
from .controllers import endpoints
from .manager import Manager
from .pods.kubelet import Kubelet
from .pods.process import end_orphans
from .publish import Address, Published

SHUTDOWN_GRACE_SECONDS = 10.0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="node_agent", description=__doc__)
    for name, text in (
        ("kubeconfig", "how to reach the API server"),
        ("images", "images which run as local processes (JSON)"),
        ("nodes", "nodes to register and to run pods for (JSON list)"),
        ("publish", 'local ports of Services (JSON, "address:port" to "namespace/service:port")'),
        ("state-dir", "directory for logs, pid files and volumes"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    parser.add_argument(
        "--pod-cidr", default="127.10.0.0/24", help="addresses of pods (default %(default)s)"
    )
    parser.add_argument(
        "--healthz-port", type=int, default=10248, help="answers when the nodes are registered"
    )
    return parser.parse_args()


async def answer_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer any HTTP request with ok.

    The whole request is read first: an answer is lost where a socket is closed before that.
    """
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
    writer.close()


def endpoints_of(cluster: Cluster, target: str) -> list[Address]:
    """The ready endpoints of "<namespace>/<service>:<port name>"."""
    where, _, port = target.rpartition(":")
    service = cluster.get("Service", *where.split("/", 1))
    return endpoints.addresses(cluster, service, port) if service else []


async def serve(args: argparse.Namespace) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(8))
    state = args.state_dir.resolve()
    for folder in ("logs", "run", "pods", "claims"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    end_orphans(state)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    own = json.loads(args.nodes.read_text())
    cluster = Cluster(Client(args.kubeconfig))
    kubelet = Kubelet(cluster, {node["name"] for node in own}, args.images, state, args.pod_cidr)
    first_pass = asyncio.Event()
    published = {}
    for address, target in json.loads(args.publish.read_text()).items():
        host, _, port = address.rpartition(":")
        published[target] = Published(target, (host, int(port)))

    def after_pass() -> None:
        found = {target: endpoints_of(cluster, target) for target in published}
        loop.call_soon_threadsafe(take, found)

    def take(found: dict[str, list[Address]]) -> None:
        for target, addresses in found.items():
            published[target].update(addresses)
        kubelet.sync()
        first_pass.set()

    manager = Manager(cluster, own, after_pass)
    manager.start()
    await first_pass.wait()
    await asyncio.start_server(answer_ok, "127.0.0.1", args.healthz_port)
    await stop.wait()
    await asyncio.to_thread(manager.stop)
    await kubelet.shutdown(SHUTDOWN_GRACE_SECONDS)


if __name__ == "__main__":
    disk.outlive_full_logs()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    asyncio.run(serve(arguments()))
