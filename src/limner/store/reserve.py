"""Space that is held back on the disk, so that a full one still takes what frees some.

SQLite writes to its log even to delete. So a file holds some space until the disk is full; then it
goes, and nothing new is taken until there is room for it, and as much again.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from pathlib import Path

from limner.core.errors import StoreError

MOST_BYTES = 16 * 2**20
"""SQLite's log is written over again from about 4 MiB on, so that this lasts for long."""
SHARE = 16
"""Of a small disk no more than one part in so many is held back."""

RETRY_S = 1.0
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

logger = logging.getLogger(__name__)


class Reserve:
    """A file that only takes up space. Any thread may ask it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._tried_at = 0.0
        disk = os.statvfs(path.parent)
        self._size = min(MOST_BYTES, disk.f_blocks * disk.f_frsize // SHARE)
        self._is_held = self._hold()

    def release(self) -> None:
        """The disk is full: let go what was held back."""
        with self._lock:
            if self._is_held:
                self._is_held = False
                self._path.unlink(missing_ok=True)
                facts = {"action": "disk_full", "reserve": self._size}
                logger.error("the disk is full; only deletes are taken", extra=facts)

    def check(self) -> None:
        """Raise StoreError `insufficient_storage` while the disk has no room for more."""
        with self._lock:
            if not self._is_held and not self._regained():
                raise StoreError(
                    "The disk that the server keeps its data on is full; nothing was kept. It "
                    "goes on when there is room again.",
                    code="insufficient_storage",
                    retry_after_s=RETRY_S,
                )

    def _regained(self) -> bool:
        now = time.monotonic()
        if now - self._tried_at >= RETRY_S:
            self._tried_at = now
            disk = os.statvfs(self._path.parent)
            self._is_held = disk.f_bavail * disk.f_frsize >= 2 * self._size and self._hold()
            if self._is_held:
                logger.warning("the disk has room again", extra={"action": "disk_has_room"})
        return self._is_held

    def _hold(self) -> bool:
        """Whether there was room. Where a file system cannot promise any, none is held back."""
        number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(number, 0, self._size)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            return error.errno not in FULL
        finally:
            os.close(number)
        return True
