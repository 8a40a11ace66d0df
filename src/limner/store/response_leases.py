"""Who may run a response, and who has stopped doing so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from limner.core.response_store import Claim, Lease, StoredResponse
from limner.store.database import Database, Row, Transaction
from limner.store.pictures import Texts
from limner.store.response_items import ResponseItems
from limner.store.response_rows import FREE, OPEN, RESPONSE, as_bytes, as_int, read_response


class ResponseLeases(ResponseItems):
    """The part of a response store that processes compete for. See `StoredResponses`."""

    def __init__(
        self,
        database: Database,
        texts: Texts,
        *,
        keep_s: float,
        lease_s: float,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(database, texts, keep_s=keep_s, clock=clock)
        self._lease_s = lease_s

    async def waiting(self) -> int:
        rows = await self._database.read(
            f"SELECT count(*) FROM responses WHERE {FREE}", self._clock()
        )
        return int(rows[0][0] or 0)

    async def overdue(self) -> Sequence[str]:
        rows = await self._database.read(
            f"SELECT id FROM responses WHERE {FREE} AND deadline_at < ?",
            *(self._clock(), self._clock()),
        )
        return [str(id) for (id,) in rows]

    async def claim(self, id: str | None = None) -> Claim | None:
        now = self._clock()
        named = ("AND id = ?", (id,)) if id is not None else ("", ())

        def take(tx: Transaction) -> list[Row]:
            return tx.run(
                "UPDATE responses SET epoch = epoch + 1, attempts = attempts + 1, lease_until = ?"
                f" WHERE {FREE} AND id = (SELECT id FROM responses WHERE {FREE} {named[0]}"
                " ORDER BY created_at, id LIMIT 1)"
                f" RETURNING epoch, attempts, cancel_requested, spent, request, {RESPONSE}",
                *(now + self._lease_s, now, now, *named[1]),
            )

        rows = await self._database.write(take, frees=id is not None)
        if not rows:
            return None
        epoch, attempts, cancel_requested, spent, order, *row = rows[0]
        response = await read_response(row, self._texts)
        return Claim(
            Lease(response.id, as_int(epoch)),
            response,
            await self._texts.restore(as_bytes(order)),
            str(spent),
            as_int(attempts),
            bool(cancel_requested),
        )

    async def renew(self, leases: Collection[Lease]) -> Mapping[str, bool]:
        until = self._clock() + self._lease_s

        def prolong(tx: Transaction) -> dict[str, bool]:
            rows = [
                row
                for lease in leases
                for row in tx.run(
                    f"UPDATE responses SET lease_until = ? WHERE id = ? AND epoch = ? AND {OPEN}"
                    " RETURNING id, cancel_requested",
                    *(until, lease.id, lease.epoch),
                )
            ]
            return {str(id): bool(is_asked) for id, is_asked in rows}

        return await self._database.write(prolong, frees=True) if leases else {}

    async def release(self, leases: Collection[Lease]) -> None:
        def give_back(tx: Transaction) -> None:
            for lease in leases:
                tx.run(
                    "UPDATE responses SET lease_until = 0, attempts = attempts - 1"
                    f" WHERE id = ? AND epoch = ? AND logged = 1 AND {OPEN}",
                    *(lease.id, lease.epoch),
                )

        await self._database.write(give_back, frees=True)

    async def orphans(self, *, sole: bool = False) -> Sequence[tuple[Lease, StoredResponse]]:
        now = self._clock()

        def take(tx: Transaction) -> list[Row]:
            if sole:
                tx.run(f"UPDATE responses SET lease_until = 0 WHERE {OPEN}")
            return tx.run(
                "UPDATE responses SET epoch = epoch + 1, lease_until = ?"
                f" WHERE logged = 0 AND {OPEN} AND lease_until < ? RETURNING epoch, {RESPONSE}",
                *(now + self._lease_s, now),
            )

        taken = []
        for epoch, *row in await self._database.write(take, frees=True):
            response = await read_response(row, self._texts)
            taken.append((Lease(response.id, as_int(epoch)), response))
        return taken
