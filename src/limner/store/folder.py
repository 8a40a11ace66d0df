"""The folder that a server keeps its data in: this user's alone, and one server's at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limner.core.errors import ConfigError

LOCK = "store.lock"


@contextmanager
def locked_folder(folder: Path) -> Iterator[Path]:
    """Make the folder where there is none, and hold it for this process.

    The kernel drops the lock with the process, however that ends. Raises ConfigError when another
    process holds the folder, or when it cannot be written to.
    """
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"--data must be a folder that can be written to, got {str(folder)!r}: "
            f"{error.strerror}."
        ) from error
    try:
        _take(lock, folder)
        yield folder
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode("ascii", "replace").strip() or "unknown"
        raise ConfigError(
            f"Another Limner server (process {owner}) keeps its data in {str(folder)!r}. Stop it, "
            "or give this one a folder of its own: --data DIR (or --store memory)."
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
