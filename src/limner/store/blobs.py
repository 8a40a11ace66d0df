"""Files named by the SHA-256 of their content: `blobs/ab/abcdef…`.

A blob is on the disk before `put` returns, so that the row that names it may follow. Rows go before
their blobs: a sweep deletes those that no row holds, some time after they were last put.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from limner.core.errors import ConfigError, StoreError
from limner.store.folder import make_folder, sync_folder
from limner.store.reserve import FULL, Reserve
from limner.wire.kept import digest_of

COMMIT_S = 5.0
"""Between a blob and the row that names it lies hardly more."""

_UNFINISHED = "part-"


class Blobs:
    """A folder of blobs, for this user alone. Several processes may use it at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        reserve: Reserve | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """reserve: on the folder's disk. clock: epoch seconds, as the file system's times are.

        Raises ConfigError.
        """
        self._folder = folder
        self._reserve = reserve
        self._clock = clock
        self._synced: set[str] = set()
        try:
            make_folder(folder)
        except OSError as error:
            raise ConfigError(
                f"The folder {folder} for pictures cannot be made: {error.strerror}."
            ) from error

    async def put(self, content: bytes) -> str:
        """Keep bytes; returns their digest when they are on the disk. Raises StoreError."""
        return await asyncio.to_thread(self._put, content)

    async def get(self, digest: str) -> bytes:
        """Raises StoreError `picture_missing` for a digest that is not there."""
        return await asyncio.to_thread(self._get, digest)

    async def has(self, digest: str) -> bool:
        return await asyncio.to_thread((self._shelf(digest) / digest).is_file)

    async def fault(self, digest: str) -> str | None:
        """What is wrong with a blob that is wanted, None for a whole one. Raises StoreError."""
        try:
            content = await self.get(digest)
        except StoreError as error:
            if error.code != "picture_missing":
                raise
            return "is not on the disk"
        is_whole = await asyncio.to_thread(digest_of, content) == digest
        return None if is_whole else "is not what was written there"

    async def remove(self, digest: str) -> None:
        """Delete a blob that no row holds, unless it was put just now, for a row to follow.

        What stays is left to a sweep. Raises StoreError.
        """
        await asyncio.to_thread(self._remove, digest)

    async def sweep(self, held: frozenset[str], *, older_than_s: float) -> int:
        """Delete blobs that are not held and were not put of late; returns how many."""
        return await asyncio.to_thread(self._sweep, held, older_than_s)

    def _put(self, content: bytes) -> str:
        digest = digest_of(content)
        shelf = self._shelf(digest)
        try:
            shelf.mkdir(0o700, exist_ok=True)
            with _locked(shelf):
                if not self._touched(shelf / digest):
                    if self._reserve:
                        self._reserve.check()
                    _write(shelf, digest, content)
                self._sync_first(shelf)
        except OSError as error:
            if self._reserve and error.errno in FULL:
                self._reserve.release()
            raise _refused(error) from error
        return digest

    def _sync_first(self, shelf: Path) -> None:
        """Once for each shelf: what it had before may come from a process that died too early."""
        if shelf.name not in self._synced:
            sync_folder(shelf)
            sync_folder(self._folder)
            self._synced.add(shelf.name)

    def _get(self, digest: str) -> bytes:
        try:
            return (self._shelf(digest) / digest).read_bytes()
        except FileNotFoundError as error:
            raise StoreError(
                f"The picture {digest} is not on the disk any more.",
                code="picture_missing",
                retry_after_s=None,
            ) from error
        except OSError as error:
            raise _refused(error) from error

    def _touched(self, blob: Path) -> bool:
        """Mark a blob as put just now; whether there is one."""
        now = self._clock()
        try:
            os.utime(blob, (now, now))
        except FileNotFoundError:
            return False
        return True

    def _remove(self, digest: str) -> None:
        shelf = self._shelf(digest)
        try:
            with _locked(shelf):
                blob = shelf / digest
                if blob.stat().st_mtime <= self._clock() - COMMIT_S:
                    blob.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _refused(error) from error

    def _sweep(self, held: frozenset[str], older_than_s: float) -> int:
        oldest = self._clock() - older_than_s
        gone = 0
        for shelf in self._folder.iterdir():
            with _locked(shelf):
                for blob in shelf.iterdir():
                    if blob.name not in held and blob.stat().st_mtime < oldest:
                        blob.unlink()
                        gone += 1
        return gone

    def _shelf(self, digest: str) -> Path:
        return self._folder / digest[:2]


@contextmanager
def _locked(shelf: Path) -> Iterator[None]:
    """Nobody deletes what another puts again at that moment, in this process or another."""
    lock = os.open(shelf, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(shelf: Path, name: str, content: bytes) -> None:
    """Write a file that is whole or not there. Temporary files are made for this user alone."""
    number, path = tempfile.mkstemp(prefix=_UNFINISHED, dir=shelf)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path, shelf / name)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    sync_folder(shelf)


def _refused(error: OSError) -> StoreError:
    if error.errno in FULL:
        return StoreError(
            "The disk that the server keeps its pictures on is full; nothing was kept.",
            code="insufficient_storage",
        )
    return StoreError(f"The disk of the pictures fails: {error.strerror or error}.")
