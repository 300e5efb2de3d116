"""Become another program that dies with its parent: ``launch.py PARENT_PID PROGRAM [ARGUMENT]...``.

Run as a script, without the package, so that a container starts quickly.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before prctl was called; then nothing would ever end this process.
    if os.getppid() == int(parent):
        os.execvp(command[0], command)
