"""One job, from its turn in the queue to an outcome that is kept.

Rules kept here and nowhere else:
- that painting begins is on the disk before anybody is asked to paint;
- an engine that ended is asked again as often as `core.job.verdict` says, and then for this job
  alone: others that were in work with it have done nothing to deserve their end;
- a store that takes nothing for a while does not cost an accepted job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, nullcontext

from limner.core.errors import StoreError
from limner.core.image import ImageCompleted, ImageFailed, ImageRequest
from limner.core.job import LOST, Claim, Job, JobStore, verdict
from limner.gateway.place import Place
from limner.gateway.queue import QueuedBackend

RETRY_S = 1.0
"""Between attempts to paint over an engine that ended, or to write to a store that refuses."""

logger = logging.getLogger(__name__)


class JobRun:
    """Paints jobs that this worker has claimed."""

    def __init__(self, queue: QueuedBackend, store: JobStore, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._store = store
        self._clock = clock

    async def run(self, claim: Claim, place: Place) -> None:
        """What may not be painted any more does not wait for its turn either."""
        if self._verdict(claim) is None:
            async with aclosing(self._queue.wait(place)) as waits:
                async for _ in waits:
                    pass
        outcome = await self._outcome(claim, place)
        if outcome is not None:
            await self._keep(claim, outcome)

    async def _outcome(self, claim: Claim, place: Place) -> ImageCompleted | ImageFailed | None:
        """What painting leads to; None where the job is not this worker's any more."""
        is_suspect = False
        while (end := self._verdict(claim)) is None:
            async with self._queue.alone(place) if is_suspect else nullcontext():
                begun = await self._begun(claim)
                if begun is None:
                    return None
                claim = begun
                outcome = await self._painted(claim.job, place)
            is_lost = is_suspect = isinstance(outcome, ImageFailed) and outcome.code in LOST
            if not (is_lost and self._queue.capabilities.repeatable):
                return outcome
            await asyncio.sleep(RETRY_S)
        return end

    def _verdict(self, claim: Claim) -> ImageFailed | None:
        return verdict(claim.attempts, is_repeatable=self._queue.capabilities.repeatable)

    async def _begun(self, claim: Claim) -> Claim | None:
        """Insists: a store that takes nothing for a while does not cost an accepted job."""
        while True:
            try:
                return await self._store.start(claim, self._clock())
            except StoreError as error:
                await self._patience(claim.job.id, error)

    async def _keep(self, claim: Claim, outcome: ImageCompleted | ImageFailed) -> None:
        while True:
            try:
                is_kept = await self._store.finish(claim, outcome, self._clock())
            except StoreError as error:
                await self._patience(claim.job.id, error)
                continue
            if is_kept:
                is_done = isinstance(outcome, ImageCompleted)
                log_end(claim.job.id, "completed" if is_done else "failed")
            return

    async def _patience(self, id: str, error: StoreError) -> None:
        facts = {"action": "job", "job_id": id, "why": error.message}
        logger.warning("job waits for the store", extra=facts)
        await asyncio.sleep(RETRY_S)

    async def _painted(self, job: Job, place: Place) -> ImageCompleted | ImageFailed:
        try:
            return await self._picture(job.order.request, place)
        except Exception:
            logger.exception("job broke", extra={"action": "job", "job_id": job.id})
            return ImageFailed("The server failed; its log says why")

    async def _picture(self, request: ImageRequest, place: Place) -> ImageCompleted | ImageFailed:
        async with aclosing(self._queue.paint(request, place)) as events:
            async for event in events:
                if isinstance(event, ImageCompleted | ImageFailed):
                    return event
        return ImageFailed("The image back end ended without a picture", retryable=True)


def log_end(id: str, status: str) -> None:
    logger.info("job ended", extra={"action": "job", "job_id": id, "status": status})
