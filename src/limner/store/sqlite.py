"""SQLite: one file, or memory.

The write-ahead log with `synchronous=FULL` loses nothing that was committed, whatever loses power
(SQLite documentation, "PRAGMA synchronous"); `secure_delete` leaves no deleted text in the file.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import apsw

from limner.core.errors import ConfigError
from limner.store.database import Row, Value
from limner.store.reserve import FULL, Reserve
from limner.store.session import SessionDatabase, SessionError

BUSY_MS = 5_000
SMALL_BYTES = 64 * 2**20
"""A file up to this size is looked through at every start, which takes a fraction of a second."""

_NOT_SYNCED = frozenset(
    {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC, apsw.SQLITE_IOERR_TRUNCATE}
)


@asynccontextmanager
async def open_sqlite(
    path: Path | None, *, busy_ms: int = BUSY_MS, reserve: Reserve | None = None
) -> AsyncIterator[SessionDatabase]:
    """The database in a file, which is made where there is none; None keeps it in memory.

    busy_ms: how long another process's lock is waited for. reserve: on the file's disk.
    Raises ConfigError for a file that is no whole database, or that may not be written to.
    """
    if path is not None:
        _check(path)
    database = SessionDatabase(
        lambda: SqliteSession(path, busy_ms),
        "sqlite",
        readers=0 if path is None else 2,
        reserve=reserve,
    )
    try:
        yield database
    finally:
        await database.close()


class SqliteSession:
    """The port `Session` over apsw."""

    begin = "BEGIN IMMEDIATE"
    is_lost = False

    def __init__(self, path: Path | None, busy_ms: int = BUSY_MS) -> None:
        try:
            self._connection = apsw.Connection(str(path or ":memory:"))
            self._connection.set_busy_timeout(busy_ms)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.execute("PRAGMA secure_delete=ON")
        except apsw.Error as error:
            raise refusal(error) or error from error

    def run(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        try:
            return self._connection.execute(sql, values or None).fetchall()
        except apsw.Error as error:
            if known := refusal(error, self._connection.system_errno):
                raise known from error
            raise

    def close(self) -> None:
        self._connection.close()


def refusal(error: apsw.Error, errno: int = 0) -> SessionError | None:
    """What an error of SQLite means to callers; None for one that is the statement's own fault.

    errno: of the system call that failed last.
    """
    match error:
        case apsw.FullError():
            return _full()
        case apsw.IOError() if errno in FULL and not _is_unsynced(error):
            return _full()
        case apsw.BusyError() | apsw.LockedError():
            return SessionError("Another process holds a lock on the database; ask again.")
        case apsw.IOError():
            return SessionError(
                f"The disk of the database fails: {error}. The server must be started again.",
                is_fatal=_is_unsynced(error),
            )
        case apsw.CorruptError() | apsw.NotADBError() | apsw.ReadOnlyError() | apsw.CantOpenError():
            return SessionError(f"The database cannot be used: {error}")
        case _:
            return None


def _full() -> SessionError:
    return SessionError(
        "The disk that the server keeps its data on is full; nothing was kept.",
        code="insufficient_storage",
    )


def _is_unsynced(error: apsw.Error) -> bool:
    return getattr(error, "extendedresult", 0) in _NOT_SYNCED


def _check(path: Path) -> None:
    """Make the file for this user alone, or find out whether it can be trusted."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(
            f"The database {path} cannot be written to: {error.strerror}. Make it writable for "
            "this user, or choose another --data."
        ) from error
    try:
        connection = apsw.Connection(str(path))
        try:
            connection.set_busy_timeout(BUSY_MS)
            small = path.stat().st_size <= SMALL_BYTES
            found = connection.pragma("quick_check", 1) if small else "ok"
            connection.pragma("schema_version")
        finally:
            connection.close()
    except apsw.BusyError as error:
        raise ConfigError(f"Another process holds a lock on the database {path}.") from error
    except apsw.Error as error:
        found = str(error)
    if found != "ok":
        raise ConfigError(
            f"The database {path} is damaged or none ({found}). It was left as it is: put back a "
            "copy, rescue what can be read with `sqlite3 … .recover`, or choose another --data."
        )
