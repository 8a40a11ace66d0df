"""What a process of ours sets for itself before it serves."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h>
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_MIB = 1024 * 1024
_YOUNG_OBJECTS = 50_000


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, up to some megabytes, for the next picture.

    Without it every picture's buffers go back to the kernel and are faulted in again: twice the
    CPU of a relayed picture. Does nothing where the C library is not GNU's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
    mallopt(_M_TRIM_THRESHOLD, 64 * _MIB)


def settle_garbage() -> None:
    """Take what start-up has made out of every later collection, and collect less often.

    A full collection stops every stream for as long as it takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


def end_with_parent() -> None:
    """End this process when the one that started it ends, however it does.

    Standard input is a pipe that the parent never writes to. Linux is asked for a signal as well,
    for the case that no Python code gets to run here.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_at_eof, name="limner-parent", daemon=True).start()


def _end_at_eof() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
