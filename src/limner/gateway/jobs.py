"""Jobs: pictures painted one after another, behind a queue of bounded length.

Rules kept here and nowhere else:
- every job, awaited or fetched later, goes through the one queue, in the order of arrival;
- `max_queue` jobs may wait besides those in work; one more is refused at once;
- a job is kept `result_ttl_s` seconds after its end, less where the store runs full;
- cancelling a job closes the back end's iterator, and with it the work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import aclosing
from types import TracebackType
from typing import Protocol, Self

from limner.core.errors import ImageError
from limner.core.image import ImageCapabilities, ImageCompleted, ImageFailed, ImageRequest
from limner.core.job import Job, JobOrder
from limner.core.ports import ImageBackend

MAX_KEPT_BYTES = 512 * 1024 * 1024
SWEEP_S = 60.0
FIRST_GUESS_S = 5.0
"""How long a picture takes, as long as none has been painted."""

logger = logging.getLogger(__name__)


class JobStore(Protocol):
    """Where jobs are kept. Waiting and running ones must be kept as long as they are."""

    async def put(self, job: Job) -> None:
        """Keep this state of the job, in place of the last."""
        ...

    async def get(self, id: str) -> Job | None: ...

    async def forget(self, ended_before: float) -> None:
        """Drop the jobs that ended before this time, epoch seconds."""
        ...


class MemoryJobs:
    """A `JobStore` that does not outlive the process. Of too many pictures the oldest go first."""

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._jobs: dict[str, Job] = {}

    async def put(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        kept = sum(map(_size, self._jobs.values()))
        for other in list(self._jobs.values()):
            if kept <= self._max_bytes:
                break
            if other.is_over and other is not job:
                kept -= _size(self._jobs.pop(other.id))

    async def get(self, id: str) -> Job | None:
        return self._jobs.get(id)

    async def forget(self, ended_before: float) -> None:
        for job in list(self._jobs.values()):
            if job.ended_at is not None and job.ended_at < ended_before:
                del self._jobs[job.id]


class JobQueue:
    """Runs jobs on an image back end while its `async with` lasts; what is left is cancelled."""

    def __init__(
        self,
        backend: ImageBackend,
        *,
        store: JobStore | None = None,
        max_queue: int = 20,
        max_concurrent: int = 1,
        result_ttl_s: float = 600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_queue = max_queue
        self.max_concurrent = max_concurrent
        self._backend = backend
        self._store = store or MemoryJobs()
        self._result_ttl_s = result_ttl_s
        self._clock = clock
        self._waiting: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[ImageCompleted | ImageFailed]] = {}
        self._over: dict[str, asyncio.Event] = {}
        self._arrival = asyncio.Event()
        self._usual_s = FIRST_GUESS_S
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        works = [self._work() for _ in range(self.max_concurrent)]
        self._tasks = [asyncio.create_task(work) for work in (*works, self._sweep())]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for id in (*self._waiting, *self._running):
            await self.cancel(id)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    @property
    def capabilities(self) -> ImageCapabilities:
        """Those of the back end."""
        return self._backend.capabilities

    @property
    def waiting(self) -> int:
        """How many jobs wait; those in work are not among them."""
        return len(self._waiting)

    def position(self, id: str) -> int | None:
        """The place in the queue, 1 is next; None for a job that does not wait."""
        return next((at for at, other in enumerate(self._waiting, 1) if other == id), None)

    async def submit(self, order: JobOrder) -> Job:
        """Put a job into the queue; raises ImageError `queue_full` when it is full."""
        free = self.max_concurrent - len(self._running)
        if len(self._waiting) >= self.max_queue + free:
            raise ImageError(
                "Image generation queue is full. Please try again later.",
                code="queue_full",
                retryable=True,
                status=503,
                retry_after_s=max(1.0, self._usual_s),
            )
        job = Job(secrets.token_hex(16), order, self._clock())
        self._waiting[job.id] = job
        self._over[job.id] = asyncio.Event()
        self._arrival.set()
        await self._store.put(job)
        return job

    async def get(self, id: str) -> Job | None:
        """The job as it is now; None when there is no such job any more."""
        job = await self._store.get(id)
        is_kept = job and (job.ended_at is None or job.ended_at >= self._oldest_kept())
        return job if is_kept else None

    async def wait(self, id: str) -> Job | None:
        """The job when it is over."""
        if over := self._over.get(id):
            await over.wait()
        return await self.get(id)

    async def cancel(self, id: str) -> Job | None:
        """Stop the job, where it is not over yet; returns what has become of it."""
        if waiting := self._waiting.pop(id, None):
            await self._end(waiting.cancel(self._clock()))
        elif painting := self._running.get(id):
            painting.cancel()
        return await self.wait(id)

    async def _work(self) -> None:
        while True:
            await self._arrival.wait()
            if self._waiting:
                await self._paint(self._waiting.pop(next(iter(self._waiting))))
            else:
                self._arrival.clear()

    async def _paint(self, job: Job) -> None:
        job = job.start(self._clock())
        painting = asyncio.create_task(self._picture(job.order.request))
        self._running[job.id] = painting
        await self._store.put(job)
        await asyncio.wait({painting})
        del self._running[job.id]
        now = self._clock()
        if painting.cancelled():
            return await self._end(job.cancel(now))
        if bug := painting.exception():
            logger.error("job broke", extra={"action": "job", "job_id": job.id}, exc_info=bug)
            return await self._end(
                job.fail(ImageFailed("The server failed; its log says why"), now)
            )
        match painting.result():
            case ImageCompleted() as picture:
                self._usual_s = now - (job.started_at or now)
                return await self._end(job.complete(picture, now))
            case ImageFailed() as failure:
                return await self._end(job.fail(failure, now))

    async def _picture(self, request: ImageRequest) -> ImageCompleted | ImageFailed:
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageCompleted | ImageFailed):
                    return event
        return ImageFailed("The image back end ended without a picture", retryable=True)

    async def _end(self, job: Job) -> None:
        await self._store.put(job)
        self._over.pop(job.id).set()
        facts = {"action": "job", "job_id": job.id, "status": job.status, "seconds": job.seconds}
        logger.info("job ended", extra=facts)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._store.forget(self._oldest_kept())

    def _oldest_kept(self) -> float:
        return self._clock() - self._result_ttl_s


def _size(job: Job) -> int:
    return len(job.picture.image.content) if job.picture else 0
