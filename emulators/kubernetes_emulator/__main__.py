"""Run the emulator: `python -m kubernetes_emulator [--address A] [--port P] [--log-dir DIR]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from stand_ins import disk

from .server import serve


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="kubernetes_emulator", description=__doc__)
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=16443, help="port to listen on; 0: a free one")
    parser.add_argument(
        "--log-dir",
        type=Path,
        default=Path("logs"),
        help="folder of <namespace>_<pod>_<container>.log files, served as pods/log",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = serve(options.address, options.port, options.log_dir)
    print(f"serving on http://{options.address}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    disk.outlive_full_logs()
    main()
