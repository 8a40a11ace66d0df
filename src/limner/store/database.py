"""What the store needs of a database, so that its queries are written once for both.

SQL is the common part of SQLite and PostgreSQL: `?` for parameters, `RETURNING`, `ON CONFLICT`,
`WITH RECURSIVE`. Times are epoch seconds (REAL / DOUBLE PRECISION), texts TEXT, kept texts and
frames BLOB / BYTEA, flags INTEGER 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Value = str | bytes | int | float | None
Row = tuple[Value, ...]
T = TypeVar("T")


class Transaction(Protocol):
    """One piece of work among others of the same commit; what it raises undoes it alone."""

    def run(self, sql: str, *values: Value) -> list[Row]:
        """Execute one statement; the rows of a SELECT or of RETURNING."""
        ...


class Database(Protocol):
    """Opened and closed by whoever made it."""

    async def read(self, sql: str, *values: Value) -> list[Row]:
        """The rows of one SELECT, which sees everything that `write` has returned from.

        Raises InvalidRequest for texts with a NUL in them, here and in a transaction.
        """
        ...

    async def write(self, work: Callable[[Transaction], T], *, frees: bool = False) -> T:
        """Run the work in a transaction; return when it is on the disk.

        frees: it removes something or brings it to its end, which a full disk takes, too.

        `work` runs in the writer's thread, one work at a time; it must not block on anything else.
        It may run again where another server was in the way, so it does nothing but run statements.
        Raises StoreError where the database refuses, and what `work` raises.
        """
        ...
