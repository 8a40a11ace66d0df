"""The folder that a server keeps its data in: this user's alone, and one server's at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        make_folder(folder)
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


def make_folder(folder: Path) -> None:
    """Make it, and what is missing above it, for this user alone; a power cut does not undo that.

    Raises OSError.
    """
    if folder.is_dir():
        # Whoever made it may have died before its name was on the disk; often it is not ours to
        # say, above the folder of the data.
        with suppress(OSError):
            sync_folder(folder.parent)
        return
    make_folder(folder.parent)
    folder.mkdir(0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, which syncing the files alone does not (POSIX)."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


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
