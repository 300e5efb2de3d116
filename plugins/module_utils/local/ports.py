"""Who has a port of this machine, as far as /proc tells the user who asks."""

from __future__ import annotations

import contextlib
import ipaddress
import pwd
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "GPU_PLATFORM_RUN_DIRECTORY"
"""The environment variable in which a process of a local stack carries its run directory."""

LONGEST_COMMAND = 120
TIME_WAIT = "06"


@dataclass(frozen=True)
class Owner:
    """What has a port. The pid is None where only root or another user may know it."""

    pid: int | None
    description: str
    run_directory: str | None = None


@dataclass(frozen=True)
class Socket:
    """A socket that keeps others from a port of 127.0.0.1."""

    port: int
    uid: int
    inode: int


def owners(ports: set[int], proc: Path = Path("/proc")) -> dict[int, Owner]:
    """Return who has each of these ports of 127.0.0.1; a port that nobody has is left out."""
    found: dict[int, Socket] = {}
    for socket in _sockets(proc):
        if socket.port in ports:
            found.setdefault(socket.port, socket)
    holders = _holders({socket.inode for socket in found.values()}, proc)
    return {port: _owner(socket, holders, proc) for port, socket in found.items()}


def marked(run_directory: str, proc: Path = Path("/proc")) -> Iterator[int]:
    """Yield each process that a supervisor of this run directory has started, recorded or not.

    Those that such a process has started itself are left out: they are its own to end.
    """
    mark = f"{MARK}={run_directory}"
    parents = {
        int(folder.name): _parent(folder)
        for folder in proc.glob("[0-9]*")
        if mark in _words(folder / "environ")
    }
    yield from (pid for pid, parent in parents.items() if parent not in parents)


def _parent(folder: Path) -> int:
    """Return the id of a process's parent, 0 where the process has ended."""
    try:
        return int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _sockets(proc: Path) -> Iterator[Socket]:
    for table in ("tcp", "tcp6"):
        file = proc / "self" / "net" / table
        # There is no tcp6 where the kernel has no IPv6.
        lines = file.read_text(encoding="ascii").splitlines()[1:] if file.exists() else []
        for fields in map(str.split, lines):
            address, _, port = fields[1].partition(":")
            if _covers_loopback(address) and fields[3] != TIME_WAIT:
                yield Socket(int(port, 16), int(fields[7]), int(fields[9]))


def _covers_loopback(address: str) -> bool:
    """Tell whether an address, as the kernel writes it, keeps others from 127.0.0.1."""
    words = (int(address[start : start + 8], 16) for start in range(0, len(address), 8))
    parsed = ipaddress.ip_address(b"".join(struct.pack("=I", word) for word in words))
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_unspecified or parsed == ipaddress.IPv4Address("127.0.0.1")


def _holders(inodes: set[int], proc: Path) -> dict[int, int]:
    """Return the oldest process that has each socket open, of those that may be looked into."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, int] = {}
    for pid in sorted(int(folder.name) for folder in proc.glob("[0-9]*")):
        # What has been closed meanwhile is passed over, and so are other users' processes.
        with contextlib.suppress(OSError):
            for descriptor in (proc / str(pid) / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    inode = links.get(str(descriptor.readlink()))
                    if inode is not None:
                        found.setdefault(inode, pid)
    return found


def _owner(socket: Socket, holders: dict[int, int], proc: Path) -> Owner:
    pid = holders.get(socket.inode)
    if pid is None:
        try:
            user = pwd.getpwuid(socket.uid).pw_name
        except KeyError:
            user = str(socket.uid)
        return Owner(None, f"a program of the user {user} that only root may look into")
    folder = proc / str(pid)
    command = _words(folder / "cmdline")
    text = " ".join(command)
    if len(text) > LONGEST_COMMAND:
        text = f"{text[:LONGEST_COMMAND]}..."
    environment = dict(word.partition("=")[::2] for word in _words(folder / "environ"))
    return Owner(pid, f"process {pid} ({text})", environment.get(MARK))


def _words(file: Path) -> list[str]:
    """Return what the kernel separates by zeros, nothing where the process has ended."""
    try:
        return file.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
