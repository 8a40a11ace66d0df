"""Lists of stored responses, by their time and by their labels.

Reads the tables of `store.responses`. Pictures stay where they are: a page of a hundred responses
must not weigh what a hundred pictures weigh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from limner.core.errors import InvalidRequest
from limner.core.events import ResponseStatus
from limner.core.page import Listed, Page
from limner.core.response_store import ENDED, ListedResponse
from limner.core.turn import JsonObject
from limner.store.database import Database, Row, Transaction, Value
from limner.store.pictures import Texts
from limner.wire import json
from limner.wire.kept import pictures_left_out

_WITH_LABEL = (
    " AND id IN (SELECT response_id FROM response_labels"
    " WHERE owner = ? AND name = ? AND value = ?)"
)


class ResponseList:
    """Every owner's stored responses; one owner's are no other's."""

    def __init__(self, database: Database, texts: Texts) -> None:
        self._database = database
        self._texts = texts

    async def page(
        self,
        owner: str,
        page: Page,
        *,
        labels: Mapping[str, str] = MappingProxyType({}),
        has_input: bool = False,
        has_input_pictures: bool = False,
    ) -> Listed[ListedResponse]:
        """Some of those that have all these labels, by the time when they were created.

        has_input: with their own input items; has_input_pictures: in which the pictures stand.
        Raises InvalidRequest for `after`, StoreError.
        """
        listed = Listed.of(await self._rows(owner, page, labels), page)
        ids = [str(id) for id, _, _ in listed.entries]
        open_ids = [str(id) for id, status, _ in listed.entries if status not in ENDED]
        inputs = await self._kept_items(ids, "in") if has_input else {}
        outputs = await self._kept_items(open_ids, "out")
        found = []
        for id, status, text in listed.entries:
            said, done = inputs.get(str(id)), outputs.get(str(id))
            response = ListedResponse(
                str(id),
                cast(ResponseStatus, status),  # checked by the table
                pictures_left_out(_bytes(text)),
                None if done is None else await self._read(done),
                None if said is None else await self._read(said, has_pictures=has_input_pictures),
            )
            found.append(response)
        return Listed(found, listed.has_more)

    async def _rows(self, owner: str, page: Page, labels: Mapping[str, str]) -> list[Row]:
        sql = "SELECT id, status, response FROM responses WHERE owner = ? AND stored = 1"
        values: list[Value] = [owner]
        for name, value in labels.items():
            sql += _WITH_LABEL
            values += (owner, name, value)
        sign, way = ("<", "DESC") if page.newest_first else (">", "ASC")
        if page.after is not None:
            sql += f" AND (created_at, id) {sign} (?, ?)"
            values += await self._place(owner, page.after)
        sql += f" ORDER BY created_at {way}, id {way} LIMIT ?"
        return await self._database.read(sql, *values, page.limit + 1)

    async def _place(self, owner: str, id: str) -> Row:
        sql = "SELECT created_at, id FROM responses WHERE owner = ? AND id = ? AND stored = 1"
        if rows := await self._database.read(sql, owner, id):
            return rows[0]
        raise InvalidRequest(
            f"Response with id '{id}' not found.", param="after", code="invalid_value"
        )

    async def _kept_items(self, ids: Sequence[str], direction: str) -> Mapping[str, list[bytes]]:
        """Of each response its kept items, in their order."""
        found: dict[str, list[bytes]] = {id: [] for id in ids}
        if ids:
            rows = await self._database.read(
                "SELECT response_id, item FROM response_items WHERE direction = ?"
                f" AND response_id IN ({', '.join('?' * len(ids))})"
                " ORDER BY response_id, position",
                *(direction, *ids),
            )
            for id, item in rows:
                found[str(id)].append(_bytes(item))
        return found

    async def _read(self, kept: Sequence[bytes], *, has_pictures: bool = False) -> list[JsonObject]:
        if not has_pictures:
            return [json.load(pictures_left_out(item)) for item in kept]
        return [json.load(await self._texts.restore(item)) for item in kept]


def insert_labels(tx: Transaction, owner: str, id: str, labels: Mapping[str, str]) -> None:
    """Label a new response."""
    for name, value in labels.items():
        tx.run(
            "INSERT INTO response_labels (response_id, owner, name, value) VALUES (?, ?, ?, ?)",
            *(id, owner, name, value),
        )


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes), "the column is typed by the table"
    return value
