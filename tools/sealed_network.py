"""Run a command where nothing leaves this machine, and fail if anything tried to.

Usage: ``python tools/sealed_network.py COMMAND [ARGUMENT ...]``. The command has a network of its
own, with loopback, without IPv6, and with a default route into a device that only this program
reads: a packet that gets there was meant for another machine. Name servers are beyond that route
too, so looking a name up counts. The exit status is the command's, or 1 where packets were caught.

It needs ``ip`` of iproute2 and Linux namespaces, as root or as a user who may make them. Where they
are not to be had, it says so and runs the command all the same; with CI set, it fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

DEVICE = "outside"
TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x1001
# Addresses of the documentation's networks (RFC 5737), which are nobody's.
OWN_ADDRESS = "192.0.2.1/24"
NAME_SERVER = "192.0.2.53"
LAST = ("192.0.2.254", 9)
PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp"}
NAMESPACES = (
    *("unshare", "--net", "--mount"),
    *(() if os.geteuid() == 0 else ("--map-root-user",)),
)
INSIDE = "--inside"
CI_VARIABLES = ("CI", "GITHUB_ACTIONS")
"""What tells a program that it is on a CI, where many that phone home do not."""


def destination(packet: bytes) -> str:
    """Tell where an IPv4 packet was to go, for instance ``tcp 192.0.2.53:53``."""
    header = (packet[0] & 0x0F) * 4
    protocol = PROTOCOLS.get(packet[9], f"protocol {packet[9]}")
    address = ipaddress.ip_address(packet[16:20])
    if protocol not in ("tcp", "udp"):
        return f"{protocol} {address}"
    (port,) = struct.unpack_from("!H", packet, header + 2)
    name = question(packet[header + 8 :]) if (protocol, port) == ("udp", 53) else ""
    return f"{protocol} {address}:{port}" + (f" (asks for {name})" if name else "")


def question(query: bytes) -> str:
    """Return the name that a DNS query asks for; empty where it is none."""
    labels, at = [], 12
    while at < len(query) and (length := query[at]):
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels)


def open_device() -> int:
    """Create the device that every packet for another machine goes to; return its descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN_WITHOUT_HEADER))
    return device


def seal() -> int:
    """Lay out the network of the namespace that this process is in; return the device."""
    for setting in ("all", "default"):
        with contextlib.suppress(FileNotFoundError):  # A kernel without IPv6.
            Path(f"/proc/sys/net/ipv6/conf/{setting}/disable_ipv6").write_text("1")
    device = open_device()
    for line in (
        "link set lo up",
        f"address add {OWN_ADDRESS} dev {DEVICE}",
        f"link set {DEVICE} multicast off up",
        f"route add default dev {DEVICE}",
    ):
        subprocess.run(["ip", *line.split()], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".resolv.conf") as servers:
        servers.write(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
        servers.flush()
        Path(servers.name).chmod(0o644)
        subprocess.run(["mount", "--bind", servers.name, "/etc/resolv.conf"], check=True)
    return device


def watch(device: int, caught: Counter[str]) -> None:
    """Count the packets that come, up to the one that says that no more do."""
    while (where := destination(os.read(device, 2048))) != f"udp {LAST[0]}:{LAST[1]}":
        caught[where] += 1


def run_inside(command: Sequence[str]) -> int:
    """Seal the namespace, run the command, and tell what was caught."""
    caught: Counter[str] = Counter()
    watcher = threading.Thread(target=watch, args=(seal(), caught), daemon=True)
    watcher.start()
    # Ctrl-C reaches the command too: what it then does is its own, and is waited for.
    signal.signal(signal.SIGINT, lambda *_: None)
    environment = {key: value for key, value in os.environ.items() if key not in CI_VARIABLES}
    code = subprocess.run(command, env=environment, check=False).returncode
    # What the command sent has been counted when this one, which is behind it, has come.
    with socket.socket(type=socket.SOCK_DGRAM) as last:
        last.sendto(b"", LAST)
    watcher.join(timeout=10)
    if not caught:
        return code if code >= 0 else 128 - code
    for where, number in sorted(caught.items()):
        print(f"left this machine: {where}, {number} packets", file=sys.stderr)
    return 1


def main(command: Sequence[str]) -> int:
    """Run the command sealed; return the exit status."""
    if command[:1] == [INSIDE]:
        return run_inside(command[1:])
    if not command:
        print("name the command to run", file=sys.stderr)
        return 2
    check = (*NAMESPACES, "sh", "-c", "command -v ip && test -w /dev/net/tun")
    try:
        tried = subprocess.run(check, capture_output=True, text=True, check=False)
        problem = tried.stderr.strip() or "ip or /dev/net/tun is missing"
    except FileNotFoundError:
        tried, problem = None, "unshare is missing"
    if tried and tried.returncode == 0:
        os.execvp(NAMESPACES[0], [*NAMESPACES, sys.executable, __file__, INSIDE, *command])
    print(f"skipped: no network can be sealed here, so nothing is caught: {problem}", flush=True)
    return 1 if os.environ.get("CI") else subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
