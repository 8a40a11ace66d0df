"""Jobs as rows, their pictures as blobs.

Every write names what it expects of the row: the owner, or the epoch of the claim, and that the
job is not over. A write that finds something else touches nothing.
"""

from __future__ import annotations

from typing import cast

from limner.core.errors import StoreError
from limner.core.image import ImageCompleted, ImageFailed
from limner.core.job import Claim, Job, JobStatus, Lease, overdue
from limner.store.database import Database, Row, Transaction, Value
from limner.store.pictures import Texts, hold
from limner.wire.job_record import (
    order_record,
    outcome_record,
    pictures_of,
    read_order,
    read_outcome,
)
from limner.wire.kept import digests_in

_COLUMNS = "id, owner, status, record, outcome, created_at, started_at, ended_at"
_GOES_ON = "status IN ('queued', 'in_progress')"


class SqlJobs:
    """A `JobStore` in a database. keep_s: how long a job can be had after its end."""

    def __init__(self, database: Database, texts: Texts, *, keep_s: float) -> None:
        self._database = database
        self._texts = texts
        self._keep_s = keep_s

    async def submit(self, job: Job, lease: Lease, deadline_at: float, *, attended: bool) -> Claim:
        record = await self._texts.keep(order_record(job.order), pictures_of(job.order))
        claim = Claim(job)

        def work(transaction: Transaction) -> None:
            transaction.run(
                "INSERT INTO jobs (id, owner, status, record, created_at, deadline_at, attended, "
                "attempts, epoch, worker, lease_until) "
                "VALUES (?, ?, 'queued', ?, ?, ?, ?, 0, ?, ?, ?)",
                *(job.id, job.owner, record, job.created_at, deadline_at, int(attended)),
                *(claim.epoch, lease.worker, lease.until),
            )
            hold(transaction, job.id, digests_in(record))

        await self._database.write(work)
        return claim

    async def get(self, owner: str, id: str, now: float) -> Job | None:
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND owner = ? "
            "AND (ended_at IS NULL OR ended_at >= ?)",
            *(id, owner, now - self._keep_s),
        )
        return await self._job(rows[0]) if rows else None

    async def start(self, claim: Claim, now: float) -> Claim | None:
        rows = await self._run(
            "UPDATE jobs SET status = 'in_progress', attempts = attempts + 1, "
            "started_at = COALESCE(started_at, ?) "
            f"WHERE id = ? AND epoch = ? AND {_GOES_ON} RETURNING attempts",
            *(now, claim.job.id, claim.epoch),
            frees=False,
        )
        return Claim(claim.job, claim.epoch, int(rows[0][0] or 0)) if rows else None

    async def finish(self, claim: Claim, outcome: ImageCompleted | ImageFailed, now: float) -> bool:
        is_done = isinstance(outcome, ImageCompleted)
        pictures = [outcome.image.content] if isinstance(outcome, ImageCompleted) else []
        kept = await self._texts.keep(outcome_record(outcome), pictures)

        def work(transaction: Transaction) -> bool:
            rows = transaction.run(
                "UPDATE jobs SET status = ?, outcome = ?, ended_at = ? "
                f"WHERE id = ? AND epoch = ? AND {_GOES_ON} RETURNING id",
                *("completed" if is_done else "failed", kept, now, claim.job.id, claim.epoch),
            )
            if rows:
                hold(transaction, claim.job.id, digests_in(kept))
            return bool(rows)

        return await self._database.write(work, frees=True)

    async def cancel(self, owner: str, id: str, now: float) -> bool:
        rows = await self._run(
            "UPDATE jobs SET status = 'cancelled', ended_at = ? "
            f"WHERE id = ? AND owner = ? AND {_GOES_ON} RETURNING id",
            *(now, id, owner),
        )
        return bool(rows)

    async def renew(self, lease: Lease) -> frozenset[tuple[str, int]]:
        rows = await self._run(
            f"UPDATE jobs SET lease_until = ? WHERE worker = ? AND {_GOES_ON} RETURNING id, epoch",
            *(lease.until, lease.worker),
        )
        return frozenset((str(id), int(epoch or 0)) for id, epoch in rows)

    async def adopt(self, lease: Lease, now: float, *, lost_before: float) -> list[Claim]:
        lost = f"worker <> ? AND lease_until < ? AND {_GOES_ON}"
        if not await self._database.read(
            f"SELECT 1 FROM jobs WHERE {lost} LIMIT 1", lease.worker, lost_before
        ):
            return []

        def work(transaction: Transaction) -> list[Row]:
            transaction.run(
                f"UPDATE jobs SET status = 'cancelled', ended_at = ? WHERE attended = 1 AND {lost}",
                *(now, lease.worker, lost_before),
            )
            return transaction.run(
                "UPDATE jobs SET worker = ?, lease_until = ?, epoch = epoch + 1, status = 'queued' "
                f"WHERE {lost} RETURNING {_COLUMNS}, epoch, attempts",
                *(lease.worker, lease.until, lease.worker, lost_before),
            )

        rows = await self._database.write(work, frees=True)
        claims = [await self._claim(row, now) for row in rows]
        return sorted(filter(None, claims), key=lambda claim: claim.job.created_at)

    async def release(self, worker: str, *, refund: bool) -> None:
        await self._run(
            "UPDATE jobs SET lease_until = 0, "
            "attempts = attempts - CASE WHEN status = 'in_progress' THEN ? ELSE 0 END "
            f"WHERE worker = ? AND {_GOES_ON}",
            *(int(refund), worker),
        )

    async def expire(self, now: float) -> list[str]:
        late = f"deadline_at < ? AND {_GOES_ON}"
        if not await self._database.read(f"SELECT 1 FROM jobs WHERE {late} LIMIT 1", now):
            return []
        rows = await self._run(
            f"UPDATE jobs SET status = 'failed', outcome = ?, ended_at = ? WHERE {late} "
            "RETURNING id",
            *(outcome_record(overdue()), now, now),
        )
        return [str(id) for (id,) in rows]

    async def forget(self, now: float) -> None:
        """Drop the jobs that ended longer ago than they are kept, with their pictures."""
        old = "ended_at < ?"
        oldest = now - self._keep_s
        if not await self._database.read(f"SELECT 1 FROM jobs WHERE {old} LIMIT 1", oldest):
            return

        def work(transaction: Transaction) -> None:
            transaction.run(
                f"DELETE FROM pictures WHERE holder IN (SELECT id FROM jobs WHERE {old})", oldest
            )
            transaction.run(f"DELETE FROM jobs WHERE {old}", oldest)

        await self._database.write(work, frees=True)

    async def _run(self, sql: str, *values: Value, frees: bool = True) -> list[Row]:
        return await self._database.write(
            lambda transaction: transaction.run(sql, *values), frees=frees
        )

    async def _claim(self, row: Row, now: float) -> Claim | None:
        """The job of a row; one that lacks a picture of its order fails."""
        epoch, attempts = int(row[-2] or 0), int(row[-1] or 0)
        try:
            return Claim(await self._job(row[:-2]), epoch, attempts)
        except StoreError as error:
            failed = outcome_record(ImageFailed(error.message, code=error.code))
            await self._run(
                "UPDATE jobs SET status = 'failed', outcome = ?, ended_at = ? "
                f"WHERE id = ? AND epoch = ? AND {_GOES_ON}",
                *(failed, now, row[0], epoch),
            )
            return None

    async def _job(self, row: Row) -> Job:
        id, owner, status, record, outcome, created_at, started_at, ended_at = row
        assert isinstance(record, bytes)
        end = None
        if isinstance(outcome, bytes):
            end = read_outcome(await self._texts.restore(outcome))
        return Job(
            id=str(id),
            order=read_order(await self._texts.restore(record)),
            created_at=cast(float, created_at),
            status=cast(JobStatus, status),
            started_at=cast("float | None", started_at),
            ended_at=cast("float | None", ended_at),
            picture=end if isinstance(end, ImageCompleted) else None,
            failure=end if isinstance(end, ImageFailed) else None,
            owner=str(owner),
        )
