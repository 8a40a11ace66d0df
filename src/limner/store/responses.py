"""Responses: their rows, their events, and who may write them.

A response under way has a lease: a claim raises its epoch, and every write of a run names the epoch
that it holds, so that of two processes that believe to run the same response one writes nothing.
What has ended stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from limner.core.conversation import KeptItem
from limner.core.events import ResponseStatus
from limner.core.response_store import (
    Ending,
    Frame,
    Lease,
    NewResponse,
    StoredResponse,
)
from limner.core.turn import JsonObject
from limner.store.conversations import append as append_to_conversation
from limner.store.database import Database, Transaction, Value
from limner.store.pictures import Texts, hold, release
from limner.store.removal import release_unneeded
from limner.store.response_items import insert_items, own_items
from limner.store.response_leases import ResponseLeases
from limner.store.response_list import insert_labels
from limner.store.response_rows import (
    NATURE,
    OPEN,
    RESPONSE,
    as_bytes,
    as_int,
    read_response,
    values_of,
)
from limner.wire import json
from limner.wire.kept import digests_in, pictures_in

UNSTORED_S = 600.0
"""How long a background response can be asked for that is not to be stored."""

LEASE_S = 20.0


class StoredResponses(ResponseLeases):
    """The port `ResponseStore`. keep_s: how long ended responses are kept. clock: epoch seconds."""

    def __init__(
        self,
        database: Database,
        texts: Texts,
        *,
        keep_s: float,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(database, texts, keep_s=keep_s, lease_s=lease_s, clock=clock)

    async def create(self, new: NewResponse) -> Lease | None:
        nature, now = new.nature, self._clock()
        text = await self._keep(new.text)
        order = await self._keep(new.order) if new.order else b""
        items = await self._keep_items(new.input)
        lease_until = 0.0 if nature.is_logged else now + self._lease_s
        epoch = 0 if nature.is_logged else 1

        def insert(tx: Transaction) -> Lease | None:
            if not tx.run(
                "INSERT INTO responses (id, status, response, request, expires_at, lease_until,"
                f" epoch, spent, attempts, cancel_requested, {NATURE})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id",
                *(new.id, new.status, text, order, self._expiry(nature.stored), lease_until, epoch),
                *values_of(nature),
            ):
                return None
            insert_items(tx, nature.owner, new.id, "in", dict(enumerate(items)))
            insert_labels(tx, nature.owner, new.id, new.labels)
            for number, frame in enumerate(new.frames):
                _insert_frame(tx, new.id, number, frame)
            for kept in (text, order):
                hold(tx, new.id, digests_in(kept))
            return Lease(new.id, epoch)

        return await self._database.write(insert)

    async def get(self, owner: str, id: str) -> StoredResponse | None:
        rows = await self._database.read(
            f"SELECT {RESPONSE} FROM responses WHERE owner = ? AND id = ?"
            " AND (stored = 1 OR background = 1)",
            *(owner, id),
        )
        return await read_response(rows[0], self._texts) if rows else None

    async def peek(self, id: str) -> StoredResponse | None:
        rows = await self._database.read(f"SELECT {RESPONSE} FROM responses WHERE id = ?", id)
        return await read_response(rows[0], self._texts) if rows else None

    async def status(self, id: str) -> ResponseStatus | None:
        rows = await self._database.read("SELECT status FROM responses WHERE id = ?", id)
        return cast(ResponseStatus, rows[0][0]) if rows else None

    async def by_key(self, owner: str, key: str) -> StoredResponse | None:
        rows = await self._database.read(
            f"SELECT {RESPONSE} FROM responses WHERE owner = ? AND idempotency_key = ?",
            *(owner, key),
        )
        return await read_response(rows[0], self._texts) if rows else None

    async def append(
        self, lease: Lease, frames: Sequence[Frame], done: Mapping[int, JsonObject], spent: str
    ) -> bool:
        kept_frames = await self._keep_frames(frames)
        kept_items = dict(zip(done, await self._keep_items(list(done.values())), strict=True))

        def add(tx: Transaction) -> bool:
            owner = _held(tx, lease, "status = 'in_progress', spent = ?", spent)
            if owner is None:
                return False
            for number, frame in kept_frames:
                _insert_frame(tx, lease.id, number, frame)
            insert_items(tx, owner, lease.id, "out", kept_items)
            return True

        return await self._database.write(add)

    async def finish(self, lease: Lease, frames: Sequence[Frame], ending: Ending) -> bool:
        text = await self._keep(ending.text)
        kept_frames = await self._keep_frames(frames)
        output = await self._keep_items(ending.output)

        def end(tx: Transaction) -> bool:
            orders = tx.run("SELECT request FROM responses WHERE id = ?", lease.id)
            owner = _held(
                tx,
                lease,
                "status = ?, response = ?, refusal = ?, request = NULL,"
                " idempotency_key = CASE WHEN ? = 1 THEN NULL ELSE idempotency_key END",
                *(ending.status, text, ending.refusal, int(ending.frees_key)),
            )
            if owner is None:
                return False
            for number, frame in kept_frames:
                _insert_frame(tx, lease.id, number, frame)
            insert_items(tx, owner, lease.id, "out", dict(enumerate(output)))
            hold(tx, lease.id, digests_in(text))
            for (order,) in orders:
                # What the run has only looked at is not this response's to keep.
                release_unneeded(tx, lease.id, digests_in(as_bytes(order or b"")))
            self._settle(tx, owner, lease.id)
            return True

        return await self._database.write(end, frees=True)

    async def frames(self, id: str, after: int, limit: int) -> Sequence[Frame]:
        rows = await self._database.read(
            "SELECT number, frame FROM response_events WHERE response_id = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            *(id, after, limit),
        )
        return [
            Frame(as_int(number), await self._texts.restore(as_bytes(frame)))
            for number, frame in rows
        ]

    async def request_cancel(self, id: str) -> None:
        await self._database.write(
            lambda tx: tx.run("UPDATE responses SET cancel_requested = 1 WHERE id = ?", id),
            frees=True,
        )

    async def delete(self, owner: str, id: str) -> bool:
        def drop(tx: Transaction) -> bool:
            rows = tx.run(
                "DELETE FROM responses WHERE owner = ? AND id = ?"
                " AND (stored = 1 OR background = 1) RETURNING id",
                *(owner, id),
            )
            if rows:
                release(tx, id)
            return bool(rows)

        return await self._database.write(drop, frees=True)

    async def forget(self, now: float) -> None:
        """Drop what has ended and expired."""

        def drop(tx: Transaction) -> None:
            for (id,) in tx.run(
                f"DELETE FROM responses WHERE expires_at < ? AND NOT {OPEN} RETURNING id", now
            ):
                release(tx, str(id))

        await self._database.write(drop, frees=True)

    def _settle(self, tx: Transaction, owner: str, id: str) -> None:
        """Let an ended response expire in time, and its conversation have what was said."""
        ((stored, conversation_id),) = tx.run(
            "SELECT stored, conversation_id FROM responses WHERE id = ?", id
        )
        tx.run(
            "UPDATE responses SET expires_at = ? WHERE id = ?",
            *(self._expiry(bool(stored)), id),
        )
        if conversation_id is not None:
            said = [KeptItem(str(name), as_bytes(item)) for name, item in own_items(tx, id)]
            append_to_conversation(tx, owner, str(conversation_id), said, self._clock())

    def _expiry(self, stored: bool) -> float:
        return self._clock() + (self._keep_s if stored else UNSTORED_S)

    async def _keep(self, text: bytes) -> bytes:
        return await self._texts.keep(text, _pictures_of(text))

    async def _keep_frames(self, frames: Sequence[Frame]) -> list[tuple[int, bytes]]:
        return [
            (frame.number, await self._texts.keep(frame.content, frame.pictures))
            for frame in frames
        ]


def _pictures_of(text: bytes) -> Iterator[bytes]:
    yield from pictures_in(json.load(text))


def _held(tx: Transaction, lease: Lease, change: str, *values: Value) -> str | None:
    """Change a response that is under way and ours; its owner, or None where it is not."""
    rows = tx.run(
        f"UPDATE responses SET {change} WHERE id = ? AND epoch = ? AND {OPEN} RETURNING owner",
        *(*values, lease.id, lease.epoch),
    )
    return str(rows[0][0]) if rows else None


def _insert_frame(tx: Transaction, id: str, number: int, frame: bytes) -> None:
    tx.run("INSERT INTO response_events VALUES (?, ?, ?)", id, number, frame)
    hold(tx, id, digests_in(frame))
