"""The loop that paints: asks the scheduler who is next, runs the model, tells the jobs.

Everything is decided on the event loop. One worker takes steps, one call at a time, since neither
the modules nor the device gain from two; where it helps another decodes what they foresaw meanwhile
(`decoding`). Between two calls jobs come, go and change places.

What a call raises ends the jobs it was made for and no others. One that ran out of memory is made
again before that: a pass with half the rows, a decoding when no step is under way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from limner.core.errors import ImageError
from limner.core.image import ImageFailed
from limner.engine.attempts import Attempts
from limner.engine.decoding import DecodeQueue, Undecoded
from limner.engine.job import Frame, Job
from limner.engine.params import Plan
from limner.engine.picture_model import Canvas, PictureModel
from limner.engine.scheduler import ANYBODY, Asker, Row, Scheduler
from limner.engine.source import Source
from limner.engine.worker import OutOfRoomError, Worker, failure, not_finite, overdue

logger = logging.getLogger(__name__)

_STOPPED = "the engine has stopped"


@dataclass(frozen=True, slots=True)
class Stats:
    """running: jobs being painted. queued: jobs that wait.

    steps: denoising steps of single pictures since the start. passes: those of the model that they
    were taken in. pictures: those finished.
    idle: no job is here and no call of the model is under way.
    token_budget: tokens of one pass.
    call_s: how long that call has taken so far. slowest_call_s: the longest of the last.
    """

    running: int = 0
    queued: int = 0
    steps: int = 0
    pictures: int = 0
    idle: bool = True
    call_s: float = 0.0
    slowest_call_s: float = 0.0
    token_budget: int | None = None
    passes: int = 0


class Studio:
    """Paints the jobs that `enter`, as long as `run` runs."""

    def __init__(
        self,
        model: PictureModel,
        worker: Worker,
        scheduler: Scheduler[Job],
        *,
        decoder: Worker | None = None,
        picture_timeout_s: float | None = None,
    ) -> None:
        """worker: takes steps, and decodes between them where there is no `decoder`.

        picture_timeout_s: the longest that a job may take, its wait included; None for ever.
        """
        self._model = model
        self._worker = worker
        self._scheduler = scheduler
        self._decoder = decoder
        self._picture_timeout_s = picture_timeout_s
        self._undecoded = DecodeQueue(drops_previews=model.device != "cpu")
        self._attempts = Attempts(self._fail)
        self._jobs: set[Job] = set()
        self._wake, self._more, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._steps = self._passes = self._pictures = 0
        self._job_seconds = 1.0
        self._stopped = False

    @property
    def stats(self) -> Stats:
        workers = [worker for worker in (self._worker, self._decoder) if worker]
        running, queued = self._scheduler.admitted, len(self._scheduler.waiting)
        busy = any(worker.busy for worker in workers) or len(self._undecoded) > 0
        return Stats(
            running,
            queued,
            self._steps,
            self._pictures,
            idle=not (running or queued or busy),
            call_s=max(worker.call_s for worker in workers),
            slowest_call_s=max(worker.slowest_call_s for worker in workers),
            token_budget=self._scheduler.token_budget,
            passes=self._passes,
        )

    def enter(self, plan: Plan, source: Source | None = None, asker: Asker = ANYBODY) -> Job:
        """Queue a job. Raises ImageError: `queue_full`, or `engine_stopped` after `run`."""
        if self._stopped:
            raise ImageError(_STOPPED, code="engine_stopped", retryable=True, status=503)
        if self._picture_timeout_s is not None:
            asker = replace(asker, deadline=time.monotonic() + self._picture_timeout_s)
        job = Job(plan, source)
        self._scheduler.submit(job, asker, retry_after_s=float(round(self._job_seconds) + 1))
        self._jobs.add(job)
        self._wake.set()
        return job

    async def leave(self, job: Job) -> None:
        """Forget a job, finished or not, and wait until the model no longer works for it."""
        self._part_from(job)
        for worker in set(job.workers):
            await worker.settle()

    async def run(self) -> None:
        """Paint until cancelled; what is unfinished then fails."""
        try:
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._take_steps())
                if self._decoder:
                    stages.create_task(self._decode_beside())
        finally:
            self._stopped = True
            failed = ImageFailed(_STOPPED, code="engine_stopped", retryable=True, status=503)
            self._fail(self._jobs, failed)

    async def _take_steps(self) -> None:
        while True:
            await self._wake.wait()
            await self._admit()
            self._fail_overdue()
            tick = self._scheduler.next_tick()
            self._tell_places(tick)
            if tick:
                await self._paint(tick)
                await self._until_there_is_room()
            elif not self._scheduler.waiting:
                self._wake.clear()

    async def _admit(self) -> None:
        for job in self._scheduler.admit():
            if job not in self._jobs:
                continue  # it left while another was begun
            job.began_s = time.monotonic()
            begin = partial(self._model.begin, job.plan, job.source)
            begun = await self._attempts.make(self._worker, [job], begin)
            if begun is None:
                continue
            if job not in self._jobs:
                self._end(begun.canvases)
                continue
            job.prepare(begun)
            pictures = len(begun.canvases)
            self._scheduler.join(job, begun.group, pictures=pictures, steps=job.plan.steps)

    def _fail_overdue(self) -> None:
        if self._picture_timeout_s is not None:
            late = self._scheduler.overdue(time.monotonic())
            self._fail(late, overdue(self._picture_timeout_s))

    def _tell_places(self, tick: Sequence[Row[Job]]) -> None:
        for row in tick:
            row.job.tell_progress()
        for position, waiting in enumerate(self._scheduler.in_line(tick), 1):
            waiting.tell_progress(queue_position=position)

    async def _paint(self, tick: Sequence[Row[Job]]) -> None:
        """One forward pass, then the pictures that it finished and the previews that are due."""
        jobs = list(dict.fromkeys(row.job for row in tick))
        batch = [row.job.canvases[row.picture] for row in tick]
        before = [canvas.step for canvas in batch]
        step = partial(self._model.step, batch)
        try:
            finite = await self._attempts.make(self._worker, jobs, step, is_last=len(batch) == 1)
        except OutOfRoomError:
            if before != [canvas.step for canvas in batch]:
                self._fail(jobs, failure(MemoryError()))  # some are a step ahead: not to be mended
            else:
                self._lower_budget(tick)
            return
        if finite is None:
            return
        self._steps += len(batch)
        self._passes += 1
        broken = {row.job for row, fine in zip(tick, finite, strict=True) if not fine}
        self._fail(broken, not_finite())
        finished = set(self._scheduler.advance(tick))
        for job in jobs:
            if job in self._jobs:
                job.tell_progress()
        for row, canvas in zip(tick, batch, strict=True):
            await self._show(row, canvas, finished=row in finished)

    def _lower_budget(self, tick: Sequence[Row[Job]]) -> None:
        """Let passes hold half of what was too much, until the engine starts again."""
        self._scheduler.shrink(tick)
        facts = {
            "action": "engine_budget",
            "rows": len(tick),
            "tokens": self._scheduler.token_budget,
        }
        logger.warning("a pass did not fit into memory; they hold less now", extra=facts)

    async def _show(self, row: Row[Job], canvas: Canvas, *, finished: bool) -> None:
        job = row.job
        if job not in self._jobs or not (finished or canvas.step in job.previews_after):
            return
        foreseen = self._model.foreseen(canvas)
        if foreseen is None:
            return
        item = Undecoded(job, row.picture, foreseen, finished)
        if self._decoder is None:
            await self._decode(item)
        else:
            self._undecoded.put(item)
            self._more.set()

    async def _until_there_is_room(self) -> None:
        while self._undecoded.is_full:
            self._room.clear()
            await self._room.wait()

    async def _decode_beside(self) -> None:
        while True:
            item = self._undecoded.take()
            self._room.set()
            if item:
                await self._decode(item)
            else:
                self._more.clear()
                await self._more.wait()

    async def _decode(self, item: Undecoded) -> None:
        job = item.job
        call = partial(self._model.pixels, item.foreseen, preview=not item.finished)
        try:
            beside = self._decoder
            pixels = await self._attempts.make(
                beside or self._worker, [job], call, is_last=beside is None
            )
        except OutOfRoomError:
            facts = {"action": "paint", "finished": item.finished}
            logger.warning("no memory to decode beside a step; done between two", extra=facts)
            pixels = await self._attempts.make(self._worker, [job], call)
        if pixels is None or job not in self._jobs:
            return
        job.put(Frame(item.picture, pixels, item.finished))
        if item.finished:
            self._pictures += 1
            self._job_seconds = 0.7 * self._job_seconds + 0.3 * (time.monotonic() - job.began_s)

    def _fail(self, jobs: Iterable[Job], failed: ImageFailed) -> None:
        for job in tuple(jobs):
            self._part_from(job)
            job.put(failed)

    def _part_from(self, job: Job) -> None:
        self._scheduler.leave(job)
        self._undecoded.forget(job)
        self._room.set()
        if job in self._jobs:
            self._jobs.discard(job)
            self._end(job.canvases)

    def _end(self, canvases: Iterable[Canvas]) -> None:
        for canvas in canvases:
            self._model.end(canvas)
