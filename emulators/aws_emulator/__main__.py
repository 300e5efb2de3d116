"""Command line of the emulated AWS."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from stand_ins import disk

from .eks.clock import agenda, parse_seconds


def stop(signum: int, frame: FrameType | None) -> None:
    """Leave the server's loop; nothing is stored, so nothing is lost that a kill would keep."""
    sys.exit(0)


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(prog="aws_emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--request-log", type=Path, help="file that gets one JSON line per request")
    parser.add_argument(
        "--eks-seconds",
        type=parse_seconds,
        default={},
        help="how long EKS takes, such as cluster=6,nodegroup=3,addon=1,update=1; else 0",
    )
    arguments = parser.parse_args()

    # Both are read by moto while it is imported.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    os.environ["MOTO_PORT"] = str(arguments.port)
    from .server import make_emulator

    agenda.seconds.update(arguments.eks_seconds)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    make_emulator(arguments.port, arguments.request_log).serve_forever()


if __name__ == "__main__":
    disk.outlive_full_logs()
    main()
