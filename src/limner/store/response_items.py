"""The items of responses: what went in, what came out, and what was said before.

Ids are the client's or ours, and a client may send the same one again; the newest counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

from limner.core.errors import InvalidRequest
from limner.core.page import Listed, Page
from limner.core.turn import JsonObject
from limner.store.database import Database, Row, Transaction, Value
from limner.store.gallery_rows import note
from limner.store.pictures import Texts, hold
from limner.wire import json
from limner.wire.kept import digests_in, pictures_in

_CHAIN = """WITH RECURSIVE chain (id, previous_id, conversation_id, depth) AS (
    SELECT id, previous_id, conversation_id, 0 FROM responses
        WHERE owner = ? AND id = ? AND stored = 1
    UNION ALL
    SELECT r.id, r.previous_id, r.conversation_id, depth + 1 FROM responses r
        JOIN chain ON r.id = chain.previous_id WHERE r.owner = ? AND r.stored = 1
) """


class ResponseItems:
    """The reading part of a response store. keep_s: see `StoredResponses`."""

    def __init__(
        self, database: Database, texts: Texts, *, keep_s: float, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._texts = texts
        self._keep_s = keep_s
        self._clock = clock

    async def context(self, owner: str, id: str) -> Sequence[JsonObject]:
        """See `ResponseStore.context`."""

        def read(tx: Transaction) -> list[Row]:
            chain = tx.run(f"{_CHAIN} SELECT * FROM chain ORDER BY depth", owner, id, owner)
            _check(tx, id, chain)
            tx.run(
                f"{_CHAIN} UPDATE responses SET expires_at = ?"
                " WHERE id IN (SELECT id FROM chain) AND expires_at < ?",
                *(owner, id, owner, *(self._clock() + self._keep_s,) * 2),
            )
            first, _, conversation_id, _ = chain[-1]
            before = _said_before(tx, owner, conversation_id, first) if conversation_id else []
            return before + tx.run(
                f"{_CHAIN} SELECT item FROM response_items JOIN chain ON response_id = chain.id"
                " ORDER BY depth DESC, direction, position",
                *(owner, id, owner),
            )

        return await self._items([row[0] for row in await self._database.write(read)])

    async def items(self, owner: str, ids: Collection[str]) -> Mapping[str, JsonObject]:
        """See `ResponseStore.items`."""
        if not ids:
            return {}
        marks = ", ".join("?" * len(ids))
        rows = await self._database.read(
            "SELECT i.id, i.item FROM response_items i JOIN responses r ON r.id = i.response_id"
            f" WHERE i.owner = ? AND r.stored = 1 AND i.id IN ({marks})"
            " ORDER BY r.created_at, i.direction, i.position",
            *(owner, *ids),
        )
        newest = {str(id): item for id, item in rows}
        found = await self._items(list(newest.values()))
        return dict(zip(newest, found, strict=True))

    async def output(self, id: str) -> Sequence[JsonObject]:
        """See `ResponseStore.output`."""
        rows = await self._database.read(
            "SELECT item FROM response_items WHERE response_id = ? AND direction = 'out'"
            " ORDER BY position",
            id,
        )
        return await self._items([row[0] for row in rows])

    async def input_page(self, id: str, page: Page) -> Listed[JsonObject]:
        """See `ResponseStore.input_page`."""
        of = "FROM response_items WHERE response_id = ? AND direction = 'in'"
        values: list[Value] = [id]
        if page.after is not None:
            known = await self._database.read(f"SELECT position {of} AND id = ?", id, page.after)
            if not known:
                raise InvalidRequest(
                    f"The input of this response has no item with the id '{page.after}'.",
                    param="after",
                    code="invalid_value",
                )
            of += f" AND position {'<' if page.newest_first else '>'} ?"
            values.append(known[0][0])
        rows = await self._database.read(
            f"SELECT item {of} ORDER BY position {'DESC' if page.newest_first else 'ASC'} LIMIT ?",
            *(*values, page.limit + 1),
        )
        entries = await self._items([row[0] for row in rows[: page.limit]])
        return Listed(entries, has_more=len(rows) > page.limit)

    async def _items(self, kept: Sequence[Value]) -> list[JsonObject]:
        texts = [item for item in kept if isinstance(item, bytes)]
        return [json.load(await self._texts.restore(text)) for text in texts]

    async def _keep_items(self, items: Sequence[JsonObject]) -> list[tuple[str, bytes]]:
        """Each with its id; the pictures are on the disk then."""
        return [
            (str(item["id"]), await self._texts.keep(json.dump(item), pictures_in(item)))
            for item in items
        ]


def insert_items(
    tx: Transaction,
    owner: str,
    response_id: str,
    direction: Literal["in", "out"],
    items: Mapping[int, tuple[str, bytes]],
) -> None:
    """Add items by their position, with their pictures; those that are there already stay."""
    for position, (id, kept) in items.items():
        tx.run(
            "INSERT INTO response_items (response_id, direction, position, owner, id, item)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *(response_id, direction, position, owner, id, kept),
        )
        hold(tx, response_id, digests_in(kept))
        if direction == "out":
            note(tx, response_id, position, id, kept)


def own_items(tx: Transaction, response_id: str) -> list[Row]:
    """Ids and kept texts of what a response added to what was said: its input, then its output."""
    return tx.run(
        "SELECT id, item FROM response_items WHERE response_id = ? ORDER BY direction, position",
        response_id,
    )


def _check(tx: Transaction, id: str, chain: Sequence[Row]) -> None:
    """Refuse a chain with a hole in it, and one whose end is not written yet."""
    missing = chain[-1][1] if chain else id
    if isinstance(missing, str):
        raise InvalidRequest(
            f"Previous response with id '{missing}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    ((status,),) = tx.run("SELECT status FROM responses WHERE id = ?", id)
    if status in ("queued", "in_progress"):
        raise InvalidRequest(
            f"Previous response with id '{id}' is still {status}; go on from it when it has ended.",
            param="previous_response_id",
            code="previous_response_not_ended",
        )


def _said_before(tx: Transaction, owner: str, conversation_id: Value, id: Value) -> list[Row]:
    """What a conversation held before a response added to it, as far as it still does."""
    return tx.run(
        "SELECT i.kept FROM conversation_items i JOIN conversations c ON c.id = i.conversation_id"
        " WHERE c.owner = ? AND c.id = ? AND i.position < (SELECT min(position)"
        " FROM conversation_items WHERE conversation_id = c.id AND id IN"
        " (SELECT id FROM response_items WHERE response_id = ?)) ORDER BY i.position",
        *(owner, conversation_id, id),
    )
