"""A private folder for a running server's sockets, and an end for those that were left behind.

The owner of a folder holds a lock on it, which the kernel drops with the process, however that
ends. So a folder that can be locked belongs to nobody and is removed by the next start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limner.core.errors import ConfigError

MAX_SOCKET_PATH = 100
"""Bytes; the kernel's own limit is 104 on some systems and 108 on others."""

_PREFIX = "run-"


@contextmanager
def run_folder(data: Path) -> Iterator[Path]:
    """Yield a fresh folder that only this user can enter; it is removed in the end.

    It lies in `data`, or among the temporary files where that path is too long for a socket.
    Raises ConfigError when neither can be written to, or is not this user's own.
    """
    root = _root(data)
    _sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _root(data: Path) -> Path:
    root = data.absolute()
    if len(os.fsencode(root / f"{_PREFIX}12345678" / "engine.sock")) > MAX_SOCKET_PATH:
        root = Path(tempfile.gettempdir(), f"limner-{os.getuid()}")
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = root.stat().st_uid
    except OSError as error:
        raise ConfigError(
            f"--data must be a folder that can be written to, got {str(root)!r}: {error.strerror}."
        ) from error
    if owner != os.getuid() or not stat.S_ISDIR(os.lstat(root).st_mode):
        raise ConfigError(f"The folder {str(root)!r} belongs to another user; choose another.")
    return root


def _sweep(root: Path) -> None:
    """Remove what servers left that could not clean up after themselves."""
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # its owner lives
        finally:
            os.close(lock)
