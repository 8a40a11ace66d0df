"""Uploaded pictures: rows in the database, bytes among the blobs.

A file whose time is over is gone at once; `forget` only clears up after it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from limner.core.errors import InvalidRequest
from limner.core.file import File, NewFile
from limner.core.page import Listed, Page
from limner.store.blobs import Blobs
from limner.store.database import Database, Row, Transaction
from limner.store.pictures import hold, release

_COLUMNS = "id, filename, purpose, media_type, size, digest, created_at, expires_at"
_LIVING = "owner = ? AND (expires_at IS NULL OR expires_at > ?)"


class StoredFiles:
    """Every owner's files; one owner's are no other's. clock: epoch seconds."""

    def __init__(
        self, database: Database, blobs: Blobs, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    async def add(self, owner: str, new: NewFile) -> File:
        """Keep an upload; it is on the disk when this returns."""
        digest = await self._blobs.put(new.content)
        now = self._clock()
        file = File(
            id=f"file-{secrets.token_hex(16)}",
            filename=new.filename,
            purpose=new.purpose,
            media_type=new.media_type,
            size=len(new.content),
            digest=digest,
            created_at=now,
            expires_at=None if new.expires_after_s is None else now + new.expires_after_s,
        )

        def insert(tx: Transaction) -> None:
            tx.run(
                f"INSERT INTO files (owner, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                owner,
                *(file.id, file.filename, file.purpose, file.media_type, file.size, file.digest),
                *(file.created_at, file.expires_at),
            )
            hold(tx, file.id, [digest])

        await self._database.write(insert)
        return file

    async def get(self, owner: str, id: str) -> File | None:
        """None for ids unknown, foreign, deleted or expired."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM files WHERE id = ? AND {_LIVING}", id, owner, self._clock()
        )
        return _file(rows[0]) if rows else None

    async def page(self, owner: str, page: Page, purpose: str | None = None) -> Listed[File]:
        """Some of an owner's files, by the time they came; raises InvalidRequest for `after`."""
        sql = f"SELECT {_COLUMNS} FROM files WHERE {_LIVING}"
        values: list[str | float | int] = [owner, self._clock()]
        if purpose is not None:
            sql += " AND purpose = ?"
            values.append(purpose)
        if page.after is not None:
            before = await self.get(owner, page.after)
            if before is None:
                raise InvalidRequest(
                    f"No such File object: {page.after}", param="after", code="invalid_value"
                )
            sql += f" AND (created_at, id) {'<' if page.newest_first else '>'} (?, ?)"
            values += [before.created_at, before.id]
        way = "DESC" if page.newest_first else "ASC"
        sql += f" ORDER BY created_at {way}, id {way} LIMIT ?"
        rows = await self._database.read(sql, *values, page.limit + 1)
        return Listed.of([_file(row) for row in rows], page)

    async def delete(self, owner: str, id: str) -> bool:
        """Whether there was one to delete."""

        def drop(tx: Transaction) -> bool:
            sql = f"DELETE FROM files WHERE id = ? AND {_LIVING} RETURNING id"
            if not tx.run(sql, id, owner, self._clock()):
                return False
            release(tx, id)
            return True

        return await self._database.write(drop, frees=True)

    async def content(self, file: File) -> bytes:
        """The bytes as they were uploaded."""
        return await self._blobs.get(file.digest)

    async def picture(self, owner: str, file_id: str) -> bytes | None:
        """The port `core.ports.Files`."""
        file = await self.get(owner, file_id)
        return await self.content(file) if file else None

    async def forget(self, now: float) -> None:
        """Drop what has expired."""

        def drop(tx: Transaction) -> None:
            for (id,) in tx.run("DELETE FROM files WHERE expires_at <= ? RETURNING id", now):
                release(tx, str(id))

        await self._database.write(drop, frees=True)


def _file(row: Row) -> File:
    return File(*row)  # type: ignore[arg-type] # the columns are typed by the table
