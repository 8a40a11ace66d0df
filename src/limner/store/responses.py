"""Responses: their rows, their events, and who may write them.

A response under way has a lease: a claim raises its epoch, and every write of a run names the epoch
that it holds, so that of two processes that believe to run the same response one writes nothing.
What has ended stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import cast

from limner.core.conversation import KeptItem
from limner.core.events import ResponseStatus
from limner.core.response_store import (
    Claim,
    Ending,
    Frame,
    Lease,
    Nature,
    NewResponse,
    StoredResponse,
)
from limner.core.turn import JsonObject
from limner.store.conversations import append as append_to_conversation
from limner.store.database import Database, Row, Transaction, Value
from limner.store.pictures import Texts, hold, release
from limner.store.response_items import ResponseItems, insert_items, own_items
from limner.store.response_list import insert_labels
from limner.wire import json
from limner.wire.kept import digests_in, pictures_in

UNSTORED_S = 600.0
"""How long a background response can be asked for that is not to be stored."""

LEASE_S = 20.0

_OPEN = "status IN ('queued', 'in_progress')"
_FREE = f"logged = 1 AND {_OPEN} AND lease_until < ?"
_NATURE = (
    "owner, created_at, deadline_at, stored, background, streamed, logged, previous_id,"
    " conversation_id, idempotency_key, digest"
)
_RESPONSE = f"id, status, response, refusal, {_NATURE}"


class StoredResponses(ResponseItems):
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
        super().__init__(database, texts, keep_s=keep_s, clock=clock)
        self._lease_s = lease_s

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
                f" epoch, spent, attempts, cancel_requested, {_NATURE})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id",
                *(new.id, new.status, text, order, self._expiry(nature.stored), lease_until, epoch),
                *_values(nature),
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
            f"SELECT {_RESPONSE} FROM responses WHERE owner = ? AND id = ?"
            " AND (stored = 1 OR background = 1)",
            *(owner, id),
        )
        return await self._response(rows[0]) if rows else None

    async def peek(self, id: str) -> StoredResponse | None:
        rows = await self._database.read(f"SELECT {_RESPONSE} FROM responses WHERE id = ?", id)
        return await self._response(rows[0]) if rows else None

    async def status(self, id: str) -> ResponseStatus | None:
        rows = await self._database.read("SELECT status FROM responses WHERE id = ?", id)
        return cast(ResponseStatus, rows[0][0]) if rows else None

    async def by_key(self, owner: str, key: str) -> StoredResponse | None:
        rows = await self._database.read(
            f"SELECT {_RESPONSE} FROM responses WHERE owner = ? AND idempotency_key = ?",
            *(owner, key),
        )
        return await self._response(rows[0]) if rows else None

    async def waiting(self) -> int:
        rows = await self._database.read(
            f"SELECT count(*) FROM responses WHERE {_FREE}", self._clock()
        )
        return int(rows[0][0] or 0)

    async def overdue(self) -> Sequence[str]:
        rows = await self._database.read(
            f"SELECT id FROM responses WHERE {_FREE} AND deadline_at < ?",
            *(self._clock(), self._clock()),
        )
        return [str(id) for (id,) in rows]

    async def claim(self, id: str | None = None) -> Claim | None:
        now = self._clock()
        named = ("AND id = ?", (id,)) if id is not None else ("", ())

        def take(tx: Transaction) -> list[Row]:
            return tx.run(
                "UPDATE responses SET epoch = epoch + 1, attempts = attempts + 1, lease_until = ?"
                f" WHERE {_FREE} AND id = (SELECT id FROM responses WHERE {_FREE} {named[0]}"
                " ORDER BY created_at, id LIMIT 1)"
                f" RETURNING epoch, attempts, cancel_requested, spent, request, {_RESPONSE}",
                *(now + self._lease_s, now, now, *named[1]),
            )

        rows = await self._database.write(take)
        if not rows:
            return None
        epoch, attempts, cancel_requested, spent, order, *row = rows[0]
        response = await self._response(row)
        return Claim(
            Lease(response.id, _int(epoch)),
            response,
            await self._texts.restore(_bytes(order)),
            str(spent),
            _int(attempts),
            bool(cancel_requested),
        )

    async def renew(self, leases: Collection[Lease]) -> Mapping[str, bool]:
        until = self._clock() + self._lease_s

        def prolong(tx: Transaction) -> dict[str, bool]:
            rows = [
                row
                for lease in leases
                for row in tx.run(
                    f"UPDATE responses SET lease_until = ? WHERE id = ? AND epoch = ? AND {_OPEN}"
                    " RETURNING id, cancel_requested",
                    *(until, lease.id, lease.epoch),
                )
            ]
            return {str(id): bool(is_asked) for id, is_asked in rows}

        return await self._database.write(prolong) if leases else {}

    async def release(self, leases: Collection[Lease]) -> None:
        def give_back(tx: Transaction) -> None:
            for lease in leases:
                tx.run(
                    "UPDATE responses SET lease_until = 0, attempts = attempts - 1"
                    f" WHERE id = ? AND epoch = ? AND logged = 1 AND {_OPEN}",
                    *(lease.id, lease.epoch),
                )

        await self._database.write(give_back)

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
            self._settle(tx, owner, lease.id)
            return True

        return await self._database.write(end)

    async def frames(self, id: str, after: int, limit: int) -> Sequence[Frame]:
        rows = await self._database.read(
            "SELECT number, frame FROM response_events WHERE response_id = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            *(id, after, limit),
        )
        return [
            Frame(_int(number), await self._texts.restore(_bytes(frame))) for number, frame in rows
        ]

    async def request_cancel(self, id: str) -> None:
        await self._database.write(
            lambda tx: tx.run("UPDATE responses SET cancel_requested = 1 WHERE id = ?", id)
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

        return await self._database.write(drop)

    async def orphans(self, *, sole: bool = False) -> Sequence[tuple[Lease, StoredResponse]]:
        now = self._clock()

        def take(tx: Transaction) -> list[Row]:
            if sole:
                tx.run(f"UPDATE responses SET lease_until = 0 WHERE {_OPEN}")
            return tx.run(
                "UPDATE responses SET epoch = epoch + 1, lease_until = ?"
                f" WHERE logged = 0 AND {_OPEN} AND lease_until < ? RETURNING epoch, {_RESPONSE}",
                *(now + self._lease_s, now),
            )

        taken = []
        for epoch, *row in await self._database.write(take):
            response = await self._response(row)
            taken.append((Lease(response.id, _int(epoch)), response))
        return taken

    async def forget(self, now: float) -> None:
        """Drop what has ended and expired."""

        def drop(tx: Transaction) -> None:
            for (id,) in tx.run(
                f"DELETE FROM responses WHERE expires_at < ? AND NOT {_OPEN} RETURNING id", now
            ):
                release(tx, str(id))

        await self._database.write(drop)

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
            said = [KeptItem(str(name), _bytes(item)) for name, item in own_items(tx, id)]
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

    async def _response(self, row: Sequence[Value]) -> StoredResponse:
        id, status, text, refusal, *nature = row
        return StoredResponse(
            str(id),
            _nature(nature),
            cast(ResponseStatus, status),  # checked by the table
            await self._texts.restore(_bytes(text)),
            None if refusal is None else str(refusal),
        )


def _pictures_of(text: bytes) -> Iterator[bytes]:
    yield from pictures_in(json.load(text))


def _held(tx: Transaction, lease: Lease, change: str, *values: Value) -> str | None:
    """Change a response that is under way and ours; its owner, or None where it is not."""
    rows = tx.run(
        f"UPDATE responses SET {change} WHERE id = ? AND epoch = ? AND {_OPEN} RETURNING owner",
        *(*values, lease.id, lease.epoch),
    )
    return str(rows[0][0]) if rows else None


def _insert_frame(tx: Transaction, id: str, number: int, frame: bytes) -> None:
    tx.run("INSERT INTO response_events VALUES (?, ?, ?)", id, number, frame)
    hold(tx, id, digests_in(frame))


def _values(nature: Nature) -> tuple[Value, ...]:
    return (
        *(nature.owner, nature.created_at, nature.deadline_at),
        *(int(nature.stored), int(nature.background), int(nature.streamed), int(nature.is_logged)),
        *(nature.previous_id, nature.conversation_id, nature.key, nature.digest),
    )


def _nature(row: Sequence[Value]) -> Nature:
    owner, created_at, deadline_at, stored, background, streamed, logged, *names = row
    previous_id, conversation_id, key, digest = (
        None if name is None else str(name) for name in names
    )
    return Nature(
        *(str(owner), float(created_at or 0), float(deadline_at or 0)),
        *(bool(stored), bool(background), bool(streamed), bool(logged)),
        *(previous_id, conversation_id, key, digest),
    )


def _int(value: Value) -> int:
    return int(value or 0)


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value
