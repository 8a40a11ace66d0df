"""Jobs: pictures asked for now and fetched later, which outlive the process that accepted them.

Rules kept here and nowhere else:
- a job is accepted when its row is on the disk and its place in the queue is taken, not before;
- a worker's jobs are leased to it; what it holds when it dies is adopted by the next to live, and
  painted again or not as `core.job.verdict` says;
- cancelling a job closes the back end's iterator, and with it the work;
- no job outlives its deadline.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from limner.core.errors import StoreError
from limner.core.image import ImageCapabilities, ImageFailed
from limner.core.job import Claim, Job, JobOrder, JobStore, Lease
from limner.gateway.job_run import JobRun, log_end
from limner.gateway.place import Place
from limner.gateway.queue import QueuedBackend
from limner.wire.images import as_error

LEASE_S = 15.0
BEAT_S = 3.0
DEADLINE_S = 7200.0
DRAIN_S = 30.0

logger = logging.getLogger(__name__)


class Jobs:
    """Runs jobs through the queue while its `async with` lasts; what is left waits in the store."""

    def __init__(
        self,
        queue: QueuedBackend,
        store: JobStore,
        *,
        is_alone: bool = True,
        deadline_s: float = DEADLINE_S,
        beat_s: float = BEAT_S,
        drain_s: float = DRAIN_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """is_alone: whether no other server uses the store, so that all it holds is orphaned.

        deadline_s: the longest that a job may take. beat_s: how often leases are renewed, and
        orphans and overdue jobs looked for. drain_s: how long a picture that costs may take in the
        end. clock: epoch seconds.
        """
        self.queue = queue
        self._store = store
        self._is_alone = is_alone
        self._deadline_s = deadline_s
        self._beat_s = beat_s
        self._drain_s = drain_s
        self._clock = clock
        self._worker = secrets.token_hex(8)
        self._running: dict[str, _Running] = {}
        self._beating: asyncio.Task[None] | None = None
        self._is_closing = False

    async def __aenter__(self) -> Self:
        await self._adopt(float("inf") if self._is_alone else self._clock())
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._beating is not None
        self._is_closing = True
        await self._drain()
        tasks = [self._beating, *(running.task for running in self._running.values())]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        try:
            await self._store.release(self._worker, refund=self.capabilities.repeatable)
        except StoreError as error:
            logger.warning("leases end by themselves", extra={"why": error.message})

    async def _drain(self) -> None:
        """Let end, so long, what somebody may have to pay for; the rest is taken up again."""
        painting = []
        for running in self._running.values():
            if running.place.position is None and not self.capabilities.repeatable:
                painting.append(running.task)
            else:
                running.task.cancel()
        if painting:
            await asyncio.wait(painting, timeout=self._drain_s)

    @property
    def capabilities(self) -> ImageCapabilities:
        """Those of the back end."""
        return self.queue.capabilities

    def position(self, id: str) -> int | None:
        """The place in this server's queue, 1 is next; None for a job that does not wait in it."""
        running = self._running.get(id)
        return running.place.position if running else None

    async def submit(self, order: JobOrder, owner: str = "", *, attended: bool = False) -> Job:
        """Accept a job; raises ImageError when the queue is full, StoreError.

        attended: its client waits for the answer, and nobody wants it once this server is lost.
        """
        id = secrets.token_hex(16)
        place = self.queue.enter(replace(order.request, client=owner), job_id=id)
        if isinstance(place, ImageFailed):
            raise as_error(place)
        now = self._clock()
        job = Job(id, order, now, owner=owner)
        try:
            claim = await self._store.submit(
                job, self._lease(), now + self._deadline_s, attended=attended
            )
        except BaseException:
            self.queue.leave(place)
            raise
        self._launch(claim, place)
        return job

    async def get(self, owner: str, id: str) -> Job | None:
        """The job as it is now; None when this owner has no such job any more."""
        return await self._store.get(owner, id, self._clock())

    async def wait(self, owner: str, id: str) -> Job | None:
        """The job when it is over, or when this server does not work on it."""
        running = self._running.get(id)  # before it is looked up: it may end meanwhile
        job = await self.get(owner, id)
        if job and running:
            await asyncio.wait({running.task})
            job = await self.get(owner, id)
        return job

    async def cancel(self, owner: str, id: str) -> Job | None:
        """Stop the job, where it is not over yet; returns what has become of it."""
        if await self._store.cancel(owner, id, self._clock()):
            await self._stop(id)
            log_end(id, "cancelled")
        return await self.get(owner, id)

    def _launch(self, claim: Claim, place: Place) -> None:
        job = JobRun(self.queue, self._store, self._clock)
        task = asyncio.create_task(job.run(claim, place))
        self._running[claim.job.id] = _Running(claim.epoch, place, task)

        def ended(_: asyncio.Task[None]) -> None:
            """Also of a task that was cancelled before it began."""
            self.queue.leave(place)
            del self._running[claim.job.id]

        task.add_done_callback(ended)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            try:
                await self._renew()
                for id in await self._store.expire(self._clock()):
                    log_end(id, "failed")
                    await self._stop(id)
                if not self._is_closing:
                    await self._adopt(self._clock())
            except StoreError as error:
                logger.warning("leases are not renewed", extra={"why": error.message})

    async def _renew(self) -> None:
        """Keep what is held; stop what somebody else has cancelled, or claimed meanwhile."""
        if held := dict(self._running):
            standing = await self._store.renew(self._lease())
            for id, running in held.items():
                if (id, running.epoch) not in standing and self._running.get(id) is running:
                    await self._stop(id)

    async def _adopt(self, lost_before: float) -> None:
        now = self._clock()
        for claim in await self._store.adopt(self._lease(), now, lost_before=lost_before):
            job = claim.job
            facts = {"action": "job", "job_id": job.id, "attempts": claim.attempts}
            logger.warning("job adopted", extra=facts)
            asked = replace(job.order.request, client=job.owner)
            place = self.queue.enter(asked, job_id=job.id, is_owed=True)
            assert isinstance(place, Place), "what was accepted is not refused"
            self._launch(claim, place)

    async def _stop(self, id: str) -> None:
        if running := self._running.get(id):
            running.task.cancel()
            await asyncio.wait({running.task})

    def _lease(self) -> Lease:
        return Lease(self._worker, self._clock() + LEASE_S)


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """A job under way in this process."""

    epoch: int
    place: Place
    task: asyncio.Task[None]
