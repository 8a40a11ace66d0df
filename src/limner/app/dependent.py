"""`python -m limner.app.dependent PROGRAM ARGUMENT…`: a program that ends with its parent.

Linux sends it SIGTERM when the parent is gone, however that ended; elsewhere it is on its own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def main() -> None:
    """Become the program: the request survives execve(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
