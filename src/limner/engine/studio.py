"""The loop that paints: asks the scheduler who is next, runs the model, tells the jobs.

Everything is decided on the event loop; the worker thread runs the model, one call at a time, since
neither the modules nor the device gain from two. Between two calls jobs come, go and change places.
What a call raises ends the jobs it was made for and no others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from limner.core.errors import ImageError
from limner.core.image import ImageFailed
from limner.engine.job import Frame, Job
from limner.engine.params import Plan
from limner.engine.picture_model import Canvas, PictureModel
from limner.engine.scheduler import Row, Scheduler
from limner.engine.source import Source
from limner.engine.worker import Worker, failure, not_finite

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_STOPPED = "the engine has stopped"


@dataclass(frozen=True, slots=True)
class Stats:
    """running: jobs being painted. queued: jobs that wait.

    steps: denoising steps of single pictures since the start. pictures: those finished.
    idle: no job is here and no call of the model is under way.
    """

    running: int = 0
    queued: int = 0
    steps: int = 0
    pictures: int = 0
    idle: bool = True


class Studio:
    """Paints the jobs that `enter`, as long as `run` runs."""

    def __init__(self, model: PictureModel, worker: Worker, scheduler: Scheduler[Job]) -> None:
        self._model = model
        self._worker = worker
        self._scheduler = scheduler
        self._jobs: set[Job] = set()
        self._wake = asyncio.Event()
        self._steps = self._pictures = 0
        self._job_seconds = 1.0
        self._stopped = False

    @property
    def stats(self) -> Stats:
        running, queued = self._scheduler.admitted, len(self._scheduler.waiting)
        idle = not (running or queued or self._worker.busy)
        return Stats(running, queued, self._steps, self._pictures, idle)

    def enter(self, plan: Plan, source: Source | None = None) -> Job:
        """Queue a job. Raises ImageError: `queue_full`, or `engine_stopped` after `run`."""
        if self._stopped:
            raise ImageError(_STOPPED, code="engine_stopped", retryable=True, status=503)
        job = Job(plan, source)
        self._scheduler.submit(job, retry_after_s=float(round(self._job_seconds) + 1))
        self._jobs.add(job)
        self._wake.set()
        return job

    async def leave(self, job: Job) -> None:
        """Forget a job, finished or not, and wait until the model no longer works for it."""
        self._part_from(job)
        if job.on_the_easel:
            await self._worker.settle()

    async def run(self) -> None:
        """Paint until cancelled; what is unfinished then fails."""
        try:
            while True:
                await self._wake.wait()
                await self._admit()
                if tick := self._scheduler.next_tick():
                    await self._paint(tick)
                elif not self._scheduler.waiting:
                    self._wake.clear()
        finally:
            self._stopped = True
            failed = ImageFailed(_STOPPED, code="engine_stopped", retryable=True, status=503)
            self._fail(self._jobs, failed)

    async def _admit(self) -> None:
        admitted: list[Job] = self._scheduler.admit()
        for position, waiting in enumerate(self._scheduler.waiting, 1):
            waiting.tell_progress(queue_position=position)
        for job in admitted:
            if job not in self._jobs:
                continue  # it left while another was begun
            job.began_s = time.monotonic()
            begun = await self._attempt([job], self._model.begin, job.plan, job.source)
            if begun is None:
                continue
            if job not in self._jobs:
                self._end(begun.canvases)
                continue
            job.prepare(begun)
            pictures = len(begun.canvases)
            self._scheduler.join(job, begun.group, pictures=pictures, steps=job.plan.steps)

    async def _paint(self, tick: Sequence[Row[Job]]) -> None:
        """One forward pass, then the pictures that it finished and the previews that are due."""
        jobs = list(dict.fromkeys(row.job for row in tick))
        batch = [row.job.canvases[row.picture] for row in tick]
        finite = await self._attempt(jobs, self._model.step, batch)
        if finite is None:
            return
        self._steps += len(batch)
        broken = {row.job for row, fine in zip(tick, finite, strict=True) if not fine}
        self._fail(broken, not_finite())
        finished = set(self._scheduler.advance(tick))
        for job in jobs:
            if job in self._jobs:
                job.tell_progress()
        for row, canvas in zip(tick, batch, strict=True):
            await self._show(row, canvas, finished=row in finished)

    async def _show(self, row: Row[Job], canvas: Canvas, *, finished: bool) -> None:
        job = row.job
        if job not in self._jobs or not (finished or canvas.step in job.previews_after):
            return
        foreseen = self._model.foreseen(canvas)
        if foreseen is None:
            return
        pixels = await self._attempt([job], self._model.pixels, foreseen, preview=not finished)
        if pixels is None:
            return
        job.put(Frame(row.picture, pixels, finished))
        if finished:
            self._pictures += 1
            self._job_seconds = 0.7 * self._job_seconds + 0.3 * (time.monotonic() - job.began_s)

    async def _attempt(
        self, jobs: Sequence[Job], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Call the model for these jobs. When it raises they fail, and None comes back."""
        for job in jobs:
            job.on_the_easel = True
        try:
            return await self._worker.run(call, *args, **kwargs)
        except Exception as error:
            logger.exception("the model failed", extra={"action": "paint", "jobs": len(jobs)})
            self._fail(jobs, failure(error))
            return None
        finally:
            for job in jobs:
                job.on_the_easel = False

    def _fail(self, jobs: Iterable[Job], failed: ImageFailed) -> None:
        for job in tuple(jobs):
            self._part_from(job)
            job.put(failed)

    def _part_from(self, job: Job) -> None:
        self._scheduler.leave(job)
        if job in self._jobs:
            self._jobs.discard(job)
            self._end(job.canvases)

    def _end(self, canvases: Iterable[Canvas]) -> None:
        for canvas in canvases:
            self._model.end(canvas)
