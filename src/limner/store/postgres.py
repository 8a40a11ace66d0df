"""PostgreSQL, for several servers before one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from limner.core.errors import ConfigError
from limner.store.database import Row, Value
from limner.store.session import SessionDatabase, SessionError

if TYPE_CHECKING:
    import psycopg

CONNECT_S = 5
INSTALL = "pip install 'limner[postgres]'"
_SETTINGS = "-c statement_timeout=30000 -c lock_timeout=5000"


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[SessionDatabase]:
    """The database at a URL such as `postgresql://user@host/limner`; connects when it is needed.

    Raises ConfigError where Python has no driver for it.
    """
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(f"A PostgreSQL store needs psycopg: {INSTALL}") from error
    database = SessionDatabase(lambda: PostgresSession(url), "postgres")
    try:
        yield database
    finally:
        await database.close()


class PostgresSession:
    """The port `Session` over psycopg. Messages never show the URL, which may hold a password."""

    begin = "BEGIN"

    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415

        self._driver = psycopg
        try:
            self._connection: psycopg.Connection[Any] = psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_S, options=_SETTINGS
            )
        except psycopg.Error as error:
            raise SessionError(f"PostgreSQL cannot be reached: {_reason(error)}") from None

    @property
    def is_lost(self) -> bool:
        return self._connection.closed

    def run(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        try:
            query = sql.replace("?", "%s") if values else sql
            cursor = self._connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []
        except self._driver.Error as error:
            if known := self._refusal(error):
                raise known from error
            raise

    def close(self) -> None:
        self._connection.close()

    def _refusal(self, error: psycopg.Error) -> SessionError | None:
        errors = self._driver.errors
        match error:
            case errors.DiskFull():
                return SessionError(
                    "The disk of PostgreSQL is full; nothing was kept.", code="insufficient_storage"
                )
            case errors.SerializationFailure() | errors.DeadlockDetected():
                return SessionError("Another server was in the way; ask again.", is_conflict=True)
            case errors.ReadOnlySqlTransaction():
                return SessionError("PostgreSQL takes no writes: it is read-only just now.")
            case self._driver.OperationalError() | self._driver.InterfaceError():
                return SessionError(f"PostgreSQL does not answer: {_reason(error)}")
            case _:
                return None


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
