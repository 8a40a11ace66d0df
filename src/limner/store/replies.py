"""What was answered under idempotency keys, so that asking again costs and changes nothing.

A row is there before the work begins, and says who works on it and until when he is believed to. A
reply is written once; one that comes late, from a runner whose lease another has taken over, is
left out. Pictures lie among the blobs.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from limner.store.database import Database, Row, Transaction
from limner.store.pictures import Texts, hold, release
from limner.wire.kept import digests_in
from limner.wire.pictures_in import pictures_in

KEEP_S = 24 * 3600.0
LEASE_S = 60.0

Refusal = Literal["in_progress", "reused", "outcome_unknown"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as its reply depends on it. digest: of its body."""

    owner: str
    route: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right, and duty, to do the work of one key."""

    id: str
    epoch: int


class Replies:
    """Kept for a day. clock: epoch seconds.

    is_alone: whether no other server has this database, so that work which another process had
    begun is known to be over.
    """

    def __init__(
        self,
        database: Database,
        texts: Texts,
        *,
        is_alone: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._texts = texts
        self._is_alone = is_alone
        self._clock = clock
        self._runner = secrets.token_hex(8)

    async def claim(self, asked: Asked, *, repeatable: bool) -> Claim | Reply | Refusal:
        """Begin the work of a key, on the disk when this returns, or learn what became of it.

        repeatable: whether work that somebody had begun, and not ended, may be done again.
        """
        now, id = self._clock(), f"reply_{secrets.token_hex(16)}"

        def work(tx: Transaction) -> Claim | Row | Refusal:
            _drop(
                tx, "owner = ? AND route = ? AND key = ? AND expires_at <= ?", *_place(asked), now
            )
            begun = tx.run(
                "INSERT INTO replies (id, owner, route, key, digest, runner, epoch, lease_until,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)"
                " ON CONFLICT DO NOTHING RETURNING id",
                *(id, *_place(asked), asked.digest, self._runner, now + LEASE_S, now + KEEP_S),
            )
            return Claim(id, 1) if begun else self._found(tx, asked, now, repeatable)

        match await self._database.write(work):
            case (int(status), str(headers), bytes(body)):
                pairs = tuple((name, value) for name, value in json.loads(headers))
                return Reply(status, pairs, await self._texts.restore(body))
            case Claim() | str() as outcome:
                return outcome
            case other:
                raise TypeError(other)

    def _found(
        self, tx: Transaction, asked: Asked, now: float, repeatable: bool
    ) -> Claim | Row | Refusal:
        """What the row of a key says that was there before."""
        ((id, digest, runner, lease_until, *reply),) = tx.run(
            "SELECT id, digest, runner, lease_until, status, headers, body FROM replies"
            " WHERE owner = ? AND route = ? AND key = ?",
            *_place(asked),
        )
        if digest != asked.digest:
            return "reused"
        if reply[0] is not None:
            return tuple(reply)
        is_ours = runner == self._runner
        if float(lease_until or 0) > now and (is_ours or not self._is_alone):
            return "in_progress"
        if not repeatable:
            return "outcome_unknown"
        sql = "UPDATE replies SET runner = ?, epoch = epoch + 1, lease_until = ? WHERE id = ?"
        ((epoch,),) = tx.run(f"{sql} RETURNING epoch", self._runner, now + LEASE_S, id)
        return Claim(str(id), int(epoch or 0))

    async def renew(self, claim: Claim) -> None:
        """Say that the work goes on; at least every LEASE_S."""
        until = self._clock() + LEASE_S
        sql = "UPDATE replies SET lease_until = ? WHERE id = ? AND epoch = ? AND status IS NULL"
        await self._database.write(lambda tx: tx.run(sql, until, claim.id, claim.epoch))

    async def finish(self, claim: Claim, reply: Reply) -> None:
        """Keep the reply, unless another has taken the work over meanwhile."""
        body = await self._texts.keep(reply.body, pictures_in(reply.body))
        headers = json.dumps(reply.headers)

        def work(tx: Transaction) -> None:
            written = tx.run(
                "UPDATE replies SET status = ?, headers = ?, body = ?"
                " WHERE id = ? AND epoch = ? AND status IS NULL RETURNING id",
                *(reply.status, headers, body, claim.id, claim.epoch),
            )
            if written:
                hold(tx, claim.id, digests_in(body))

        await self._database.write(work)

    async def release(self, claim: Claim) -> None:
        """Forget the work, so that the key is free for another attempt."""
        await self._database.write(
            lambda tx: _drop(tx, "id = ? AND epoch = ? AND status IS NULL", claim.id, claim.epoch),
            frees=True,
        )

    async def forget(self, now: float) -> None:
        """Drop what has expired."""
        await self._database.write(lambda tx: _drop(tx, "expires_at <= ?", now), frees=True)


def _place(asked: Asked) -> tuple[str, str, str]:
    return asked.owner, asked.route, asked.key


def _drop(tx: Transaction, where: str, *values: str | float) -> None:
    for (id,) in tx.run(f"DELETE FROM replies WHERE {where} RETURNING id", *values):
        release(tx, str(id))
