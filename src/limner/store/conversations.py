"""Conversations and their items, kept until they are deleted.

Items hold their pictures under `<conversation>/<item>`, since the same item may stand in several
conversations.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from limner.core.conversation import Conversation, KeptItem
from limner.core.errors import InvalidRequest
from limner.core.page import Listed, Page
from limner.core.turn import JsonObject
from limner.store.database import Database, Row, Transaction, Value
from limner.store.pictures import Texts, hold, release
from limner.wire import json
from limner.wire.kept import digests_in, pictures_in

_CONVERSATION = "id, created_at, metadata"
_ITEMS = (
    "SELECT i.kept, i.position FROM conversation_items i"
    " JOIN conversations c ON c.id = i.conversation_id WHERE c.owner = ? AND c.id = ?"
)


class Conversations:
    """Every owner's conversations; one owner's are no other's. clock: epoch seconds."""

    def __init__(
        self, database: Database, texts: Texts, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._texts = texts
        self._clock = clock

    async def create(
        self, owner: str, metadata: Mapping[str, str], items: Sequence[JsonObject] = ()
    ) -> Conversation:
        """items: whole, each with an id of its own."""
        id = f"conv_{secrets.token_hex(24)}"
        now = self._clock()
        conversation = Conversation(id, int(now), metadata)
        kept = await self.keep(items)

        def insert(tx: Transaction) -> None:
            tx.run(
                "INSERT INTO conversations"
                " (id, owner, created_at, metadata, next_position, changed_at)"
                " VALUES (?, ?, ?, ?, 0, ?)",
                *(id, owner, conversation.created_at, json.dump(metadata).decode(), now),
            )
            _check_all_new(_insert(tx, owner, id, kept, now))

        await self._database.write(insert)
        return conversation

    async def get(self, owner: str, id: str) -> Conversation | None:
        """None for ids unknown, foreign or deleted."""
        rows = await self._database.read(
            f"SELECT {_CONVERSATION} FROM conversations WHERE owner = ? AND id = ?",
            *(owner, id),
        )
        return _conversation(rows[0]) if rows else None

    async def listed(self, owner: str, page: Page) -> Listed[Conversation]:
        """Some of an owner's conversations, by their last change; raises InvalidRequest."""
        sql = f"SELECT {_CONVERSATION} FROM conversations WHERE owner = ?"
        values: list[Value] = [owner]
        sign, way = ("<", "DESC") if page.newest_first else (">", "ASC")
        if page.after is not None:
            of = "SELECT changed_at, id FROM conversations WHERE owner = ? AND id = ?"
            if not (rows := await self._database.read(of, owner, page.after)):
                raise InvalidRequest(
                    f"Conversation with id '{page.after}' not found.",
                    param="after",
                    code="invalid_value",
                )
            sql += f" AND (changed_at, id) {sign} (?, ?)"
            values += rows[0]
        sql += f" ORDER BY changed_at {way}, id {way} LIMIT ?"
        rows = await self._database.read(sql, *values, page.limit + 1)
        return Listed.of(list(map(_conversation, rows)), page)

    async def update(self, owner: str, id: str, metadata: Mapping[str, str]) -> Conversation | None:
        """Replace the metadata."""

        def change(tx: Transaction) -> list[Row]:
            return tx.run(
                "UPDATE conversations SET metadata = ?, changed_at = ? WHERE owner = ? AND id = ?"
                f" RETURNING {_CONVERSATION}",
                *(json.dump(metadata).decode(), self._clock(), owner, id),
            )

        rows = await self._database.write(change)
        return _conversation(rows[0]) if rows else None

    async def delete(self, owner: str, id: str) -> bool:
        """Whether there was one to delete, with all its items."""

        def drop(tx: Transaction) -> bool:
            if not _has(tx, owner, id):
                return False
            for (item,) in tx.run(
                "DELETE FROM conversation_items WHERE conversation_id = ? RETURNING id", id
            ):
                release(tx, f"{id}/{item!s}")
            tx.run("DELETE FROM conversations WHERE id = ?", id)
            return True

        return await self._database.write(drop, frees=True)

    async def keep(self, items: Sequence[JsonObject]) -> list[KeptItem]:
        """Put the pictures of items on the disk, before a transaction that appends them."""
        return [
            KeptItem(item["id"], await self._texts.keep(json.dump(item), pictures_in(item)))
            for item in items
        ]

    async def add(self, owner: str, id: str, items: Sequence[JsonObject]) -> bool:
        """Append items; False for no such conversation, InvalidRequest for an id it has already."""
        kept = await self.keep(items)

        def insert(tx: Transaction) -> bool:
            if not _has(tx, owner, id):
                return False
            _check_all_new(_insert(tx, owner, id, kept, self._clock()))
            return True

        return await self._database.write(insert)

    async def items(self, owner: str, id: str) -> list[JsonObject] | None:
        """All items, in their order; None for no such conversation."""
        if await self.get(owner, id) is None:
            return None
        rows = await self._database.read(f"{_ITEMS} ORDER BY i.position", owner, id)
        return await self._restored(rows)

    async def page(self, owner: str, id: str, page: Page) -> Listed[JsonObject] | None:
        """Some of the items; None for no such conversation, InvalidRequest for `after`."""
        if await self.get(owner, id) is None:
            return None
        sql = _ITEMS
        values: list[Value] = [owner, id]
        if page.after is not None:
            before = await self._database.read(f"{_ITEMS} AND i.id = ?", owner, id, page.after)
            if not before:
                raise InvalidRequest(
                    f"The conversation has no item with the id '{page.after}'.",
                    param="after",
                    code="invalid_value",
                )
            sql += f" AND i.position {'<' if page.newest_first else '>'} ?"
            values.append(before[0][1])
        sql += f" ORDER BY i.position {'DESC' if page.newest_first else 'ASC'} LIMIT ?"
        rows = await self._database.read(sql, *values, page.limit + 1)
        entries = await self._restored(rows[: page.limit])
        return Listed(entries, has_more=len(rows) > page.limit)

    async def item(self, owner: str, id: str, item_id: str) -> JsonObject | None:
        """None for no such conversation or item."""
        rows = await self._database.read(f"{_ITEMS} AND i.id = ?", owner, id, item_id)
        return (await self._restored(rows))[0] if rows else None

    async def delete_item(self, owner: str, id: str, item_id: str) -> Conversation | None:
        """The conversation without the item; None for no such conversation or item."""

        def drop(tx: Transaction) -> bool:
            if not _has(tx, owner, id) or not tx.run(
                "DELETE FROM conversation_items WHERE conversation_id = ? AND id = ? RETURNING id",
                *(id, item_id),
            ):
                return False
            release(tx, f"{id}/{item_id}")
            tx.run("UPDATE conversations SET changed_at = ? WHERE id = ?", self._clock(), id)
            return True

        is_gone = await self._database.write(drop, frees=True)
        return await self.get(owner, id) if is_gone else None

    async def _restored(self, rows: Sequence[Row]) -> list[JsonObject]:
        return [json.load(await self._texts.restore(_bytes(row[0]))) for row in rows]


def append(tx: Transaction, owner: str, id: str, items: Sequence[KeptItem], now: float) -> None:
    """Add what `Conversations.keep` has made, at the end. now: epoch seconds.

    Items that the conversation has already stay where they are. Does nothing where there is no such
    conversation (any more).
    """
    _insert(tx, owner, id, items, now)


def _insert(
    tx: Transaction, owner: str, id: str, items: Sequence[KeptItem], now: float
) -> list[str]:
    """The ids of those that were there before."""
    rows = tx.run(
        "UPDATE conversations SET next_position = next_position + ?, changed_at = ?"
        " WHERE owner = ? AND id = ? RETURNING next_position",
        *(len(items), now, owner, id),
    )
    if not rows:
        return []
    first = int(rows[0][0] or 0) - len(items)
    known = []
    for position, item in enumerate(items, first):
        if tx.run(
            "INSERT INTO conversation_items (conversation_id, position, id, kept)"
            " VALUES (?, ?, ?, ?) ON CONFLICT (conversation_id, id) DO NOTHING RETURNING id",
            *(id, position, item.id, item.kept),
        ):
            hold(tx, f"{id}/{item.id}", digests_in(item.kept))
        else:
            known.append(item.id)
    return known


def _check_all_new(known: Sequence[str]) -> None:
    if known:
        raise InvalidRequest(
            f"The conversation already has an item with the id '{known[0]}'.",
            param="items",
            code="duplicate_item",
        )


def _has(tx: Transaction, owner: str, id: str) -> bool:
    """Whether there is such a conversation; no one else changes it during this transaction."""
    return bool(
        tx.run(
            "UPDATE conversations SET next_position = next_position WHERE owner = ? AND id = ?"
            " RETURNING id",
            *(owner, id),
        )
    )


def _conversation(row: Row) -> Conversation:
    id, created_at, metadata = row
    return Conversation(str(id), int(created_at or 0), json.load(str(metadata)))


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes), "the column is typed by the table"
    return value
