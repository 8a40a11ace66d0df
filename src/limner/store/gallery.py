"""The pictures among what responses have put out. Reads the tables of `store.responses`."""

from __future__ import annotations

from limner.core.errors import InvalidRequest
from limner.core.gallery import KeptPicture
from limner.core.page import Listed, Page
from limner.store.blobs import Blobs
from limner.store.database import Database, Row, Value
from limner.wire.gallery import kept_picture

_PLACE = "r.created_at, i.response_id, i.position"
_PICTURES = (
    f"SELECT i.id, i.item, {_PLACE} FROM response_items i JOIN responses r ON r.id = i.response_id"
    " WHERE i.owner = ? AND i.direction = 'out' AND substr(i.id, 1, 3) = 'ig_' AND r.stored = 1"
)


class Gallery:
    """Every owner's pictures; one owner's are no other's."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def get(self, owner: str, id: str) -> KeptPicture | None:
        """None for ids unknown, foreign or deleted, and for pictures that failed."""
        rows = await self._rows_of(owner, id)
        return _picture(rows[0]) if rows else None

    async def page(self, owner: str, page: Page) -> Listed[KeptPicture]:
        """Some of an owner's pictures, by their responses' time; raises InvalidRequest."""
        place: tuple[Value, ...] | None = None
        if page.after is not None:
            if not (rows := await self._rows_of(owner, page.after)):
                raise InvalidRequest(
                    f"Image with id '{page.after}' not found.", param="after", code="invalid_value"
                )
            place = rows[0][2:]
        found: list[KeptPicture] = []
        while len(found) <= page.limit:
            rows = await self._rows_beyond(owner, place, page)
            found += [picture for row in rows if (picture := _picture(row))]
            if len(rows) <= page.limit:
                break
            place = rows[-1][2:]
        return Listed.of(found, page)

    async def content(self, picture: KeptPicture) -> bytes:
        """The picture's file."""
        return await self._blobs.get(picture.digest)

    async def _rows_of(self, owner: str, id: str) -> list[Row]:
        return await self._database.read(f"{_PICTURES} AND i.id = ?", owner, id)

    async def _rows_beyond(
        self, owner: str, place: tuple[Value, ...] | None, page: Page
    ) -> list[Row]:
        """The next rows, one more than the page holds: failed pictures are among them."""
        sign, way = ("<", "DESC") if page.newest_first else (">", "ASC")
        order = ", ".join(f"{column} {way}" for column in _PLACE.split(", "))
        beyond = f" AND ({_PLACE}) {sign} (?, ?, ?)" if place else ""
        sql = f"{_PICTURES}{beyond} ORDER BY {order} LIMIT ?"
        return await self._database.read(sql, owner, *(place or ()), page.limit + 1)


def _picture(row: Row) -> KeptPicture | None:
    id, kept, created_at, response_id, _ = row
    assert isinstance(kept, bytes), "the column is typed by the table"
    return kept_picture(str(id), str(response_id), float(created_at or 0), kept)
