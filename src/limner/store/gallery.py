"""The pictures among what responses have put out, and smaller copies of them."""

from __future__ import annotations

from typing import assert_never

from limner.core.errors import InvalidRequest
from limner.core.gallery import EVERY, KeptPicture, PictureFilter, Shape, folded
from limner.core.page import Listed, Page
from limner.store.blobs import Blobs
from limner.store.database import Database, Row, Transaction, Value
from limner.store.gallery_rows import PICTURE, picture_of, read_in
from limner.store.pictures import hold
from limner.store.removal import take_out

_PLACE = "created_at, response_id, position"
_PICTURES = f"SELECT {PICTURE} FROM gallery WHERE owner = ? AND digest IS NOT NULL"
_AT_ONCE = 500


class Gallery:
    """Every owner's pictures; one owner's are no other's."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def get(self, owner: str, id: str) -> KeptPicture | None:
        """None for ids unknown, foreign or deleted, and for pictures that failed."""
        rows = await self._database.read(f"{_PICTURES} AND id = ?", owner, id)
        return picture_of(rows[0]) if rows else None

    async def page(
        self, owner: str, page: Page, wanted: PictureFilter = EVERY
    ) -> Listed[KeptPicture]:
        """Some of an owner's pictures, by their responses' time; raises InvalidRequest."""
        sql, values = _PICTURES, [owner, *_values(wanted)]
        sql += "".join(f" AND {condition}" for condition in _conditions(wanted))
        sign, way = ("<", "DESC") if page.newest_first else (">", "ASC")
        if page.after is not None:
            sql += f" AND ({_PLACE}) {sign} (?, ?, ?)"
            values += await self._place(owner, page.after)
        order = ", ".join(f"{column} {way}" for column in _PLACE.split(", "))
        sql += f" ORDER BY {order} LIMIT ?"
        rows = await self._database.read(sql, *values, page.limit + 1)
        return Listed.of([picture_of(row) for row in rows], page)

    async def content(self, picture: KeptPicture) -> bytes:
        """The picture's file."""
        return await self._blobs.get(picture.digest)

    async def star(self, owner: str, id: str, starred: bool) -> KeptPicture | None:
        """The picture as it is then; None as in `get`."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE gallery SET starred = ? WHERE owner = ? AND id = ?",
                *(int(starred), owner, id),
            )
        )
        return await self.get(owner, id)

    async def delete(self, owner: str, id: str) -> bool:
        """Take a picture from its response, and off the disk where nothing else holds it.

        False as `get` has None. Raises InvalidRequest (409) while its response is under way.
        """
        free = await self._database.write(lambda tx: take_out(tx, owner, id), frees=True)
        for digest in free or ():
            await self._blobs.remove(digest)
        return free is not None

    async def thumbnail(self, picture: KeptPicture, width: int) -> str | None:
        """The digest of a copy of this width, in pixels; None where there is none yet."""
        rows = await self._database.read(
            "SELECT digest FROM thumbnails WHERE picture_id = ? AND width = ?",
            *(picture.id, width),
        )
        return str(rows[0][0]) if rows else None

    async def small_content(self, digest: str) -> bytes:
        """The file of such a copy."""
        return await self._blobs.get(digest)

    async def keep_thumbnail(self, picture: KeptPicture, width: int, content: bytes) -> str:
        """Keep a copy as long as the picture; returns its digest."""
        digest = await self._blobs.put(content)

        def insert(tx: Transaction) -> None:
            # A picture that was deleted in the meantime needs no copy.
            if tx.run("SELECT 1 FROM gallery WHERE id = ?", picture.id):
                tx.run(
                    "INSERT INTO thumbnails VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    *(picture.id, width, digest),
                )
                hold(tx, picture.response_id, [digest])

        await self._database.write(insert)
        return digest

    async def read_in(self) -> None:
        """Read the pictures that the schema's step to this table has only listed."""
        while rows := await self._unread():

            def read(tx: Transaction, rows: list[Row] = rows) -> None:
                for id, kept in rows:
                    assert isinstance(kept, bytes), "the column is typed by the table"
                    read_in(tx, str(id), kept)

            await self._database.write(read)

    async def _unread(self) -> list[Row]:
        return await self._database.read(
            "SELECT g.id, i.item FROM gallery g JOIN response_items i"
            " ON i.response_id = g.response_id AND i.position = g.position"
            " AND i.direction = 'out' WHERE g.digest IS NULL LIMIT ?",
            _AT_ONCE,
        )

    async def _place(self, owner: str, id: str) -> Row:
        rows = await self._database.read(
            f"SELECT {_PLACE} FROM gallery WHERE owner = ? AND id = ?", owner, id
        )
        if not rows:
            raise InvalidRequest(
                f"Image with id '{id}' not found.", param="after", code="invalid_value"
            )
        return rows[0]


def _conditions(wanted: PictureFilter) -> list[str]:
    """In the order of `_values`."""
    asked = {
        "folded LIKE ? ESCAPE '\\'": wanted.text is not None,
        "created_at >= ?": wanted.since is not None,
        "created_at < ?": wanted.before is not None,
        "starred = 1": wanted.starred,
    }
    shape = [] if wanted.shape is None else [_shaped(wanted.shape)]
    return [*(condition for condition, is_asked in asked.items() if is_asked), *shape]


def _values(wanted: PictureFilter) -> list[Value]:
    text = None if wanted.text is None else f"%{_literal(folded(wanted.text))}%"
    return [value for value in (text, wanted.since, wanted.before) if value is not None]


def _literal(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def _shaped(shape: Shape) -> str:
    match shape:
        case "landscape":
            return "width > height"
        case "portrait":
            return "width < height"
        case "square":
            return "width = height"
        case _:
            assert_never(shape)
