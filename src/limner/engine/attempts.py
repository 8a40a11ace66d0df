"""A call of the model on behalf of jobs, and what becomes of these when it raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from limner.core.image import ImageFailed
from limner.engine.job import Job
from limner.engine.worker import (
    OutOfRoomError,
    Worker,
    failure,
    free_what_is_cached,
    is_device_lost,
    is_out_of_memory,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Attempts:
    """Knows which worker has a call for which job in hand."""

    def __init__(self, fail: Callable[[Iterable[Job], ImageFailed], None]) -> None:
        """fail: ends jobs."""
        self._fail = fail

    async def make(
        self, worker: Worker, jobs: Sequence[Job], call: Callable[[], T], *, is_last: bool = True
    ) -> T | None:
        """Have a worker call the model. When that raises the jobs fail, and None comes back.

        is_last: False where less can be asked for; then OutOfRoomError is raised when the memory
        did not suffice, and nobody fails.
        Raises what the model raised only when the device is lost, which ends the studio.
        """
        for job in jobs:
            job.workers.append(worker)
        try:
            return await worker.run(call)
        except Exception as error:
            if not is_last and is_out_of_memory(error):
                free_what_is_cached()
                raise OutOfRoomError from error
            logger.exception("the model failed", extra={"action": "paint", "jobs": len(jobs)})
            self._fail(jobs, failure(error))
            if is_device_lost(error):
                raise
            return None
        finally:
            for job in jobs:
                job.workers.remove(worker)
