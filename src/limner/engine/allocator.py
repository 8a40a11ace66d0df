"""Memory that a step frees, kept for the next step, which asks for the same again."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt (mallopt(3), malloc.h)."""
KEPT_BYTES = 256 * 2**20
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
"""glibc takes no more on 64-bit machines."""


def keep_freed_memory() -> bool:
    """Have the C library hand freed memory back to the system late; for models on a CPU.

    By default glibc returns every large piece at once, and the system clears each page of it anew
    at the next step. Costs up to KEPT_BYTES. Says whether the C library knows how; where not,
    nothing changes.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES),
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD),
    ]
    return all(taken)
