"""Who paints next: jobs wait in a queue, and the rows of admitted jobs share forward passes.

A *tick* is one forward pass of the model over rows of one group, that is rows of equal shape, since
rows of unequal length would be padded and masked to the longest. Rows join and leave between ticks.

Rules kept here and nowhere else:
- waiting jobs are admitted in the order of arrival, so a queue position never grows;
- among admitted jobs the one with the least work left goes first; work done for others makes a job
  older, and age counts against work left, so a long job is passed over for a bounded time only;
- a tick holds at most `token_budget` tokens, or one row where a single row has more;
- among the rows of one job the most advanced goes first, so that first pictures come early.

Pure: no clock, no threads. Time is counted in work: tokens times steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from limner.core.errors import ImageError
from limner.engine.group import Group

J = TypeVar("J", bound=Hashable)

AGEING = 0.25
"""How much of the work done for others a job may set against its own."""


@dataclass(frozen=True, slots=True)
class Row(Generic[J]):
    """Picture number `picture` of a job."""

    job: J
    picture: int


@dataclass(slots=True)
class _Job:
    group: Group
    left: dict[int, int]
    overtaken: int = 0

    @property
    def work_left(self) -> int:
        return self.group.tokens * sum(self.left.values())


class Scheduler(Generic[J]):
    """The order of work. A job is whatever the caller knows it by.

    The way of a job: `submit`, `admit`, `join`, then `next_tick` and `advance` until its rows are
    done. `leave` ends it from anywhere.
    """

    def __init__(
        self, *, queue_limit: int = 16, max_concurrent: int = 1, token_budget: int = 4608
    ) -> None:
        """queue_limit: jobs that may wait. max_concurrent: jobs painted at a time.

        token_budget: tokens of one tick; 4608 is one picture of 1024 px or sixteen of 256 px.
        """
        self._queue_limit = queue_limit
        self._max_concurrent = max_concurrent
        self._token_budget = token_budget
        self._waiting: list[J] = []
        self._admitted: dict[J, _Job | None] = {}

    @property
    def waiting(self) -> Sequence[J]:
        """Jobs in the queue; the place in this list, counted from 1, is the queue position."""
        return tuple(self._waiting)

    @property
    def admitted(self) -> int:
        return len(self._admitted)

    def submit(self, job: J, retry_after_s: float | None = None) -> None:
        """Put a job at the end of the queue.

        Raises ImageError `queue_full` (503, retryable) when it could not be admitted at once and
        `queue_limit` jobs wait already; retry_after_s goes into that error.
        """
        free = self._max_concurrent - len(self._admitted)
        if len(self._waiting) >= self._queue_limit + free:
            raise ImageError(
                f"the engine paints {len(self._admitted)} requests and {len(self._waiting)} wait, "
                "which is the most it takes; try again later",
                code="queue_full",
                retryable=True,
                status=503,
                retry_after_s=retry_after_s,
            )
        self._waiting.append(job)

    def admit(self) -> list[J]:
        """Take the next jobs from the queue, as many as may be painted at a time."""
        free = self._max_concurrent - len(self._admitted)
        taken, self._waiting = self._waiting[:free], self._waiting[free:]
        self._admitted.update(dict.fromkeys(taken))
        return taken

    def join(self, job: J, group: Group, *, pictures: int, steps: int) -> None:
        """Give an admitted job its rows, `steps` for each picture; one that has left stays away."""
        if job in self._admitted:
            self._admitted[job] = _Job(group, dict.fromkeys(range(pictures), steps))

    def leave(self, job: J) -> None:
        """Forget a job, wherever it is. Unknown jobs are none of its concern."""
        self._admitted.pop(job, None)
        if job in self._waiting:
            self._waiting.remove(job)

    def next_tick(self) -> list[Row[J]]:
        """The rows of the next forward pass, all of one group; empty when nothing is to do."""
        jobs = [(id, job) for id, job in self._admitted.items() if job is not None]
        jobs.sort(key=lambda entry: entry[1].work_left - AGEING * entry[1].overtaken)
        if not jobs:
            return []
        group = jobs[0][1].group
        rows = [
            Row(id, picture)
            for id, job in jobs
            if job.group == group
            for picture in sorted(job.left, key=job.left.__getitem__)
        ]
        return rows[: group.rows(self._token_budget)]

    def advance(self, tick: Sequence[Row[J]]) -> list[Row[J]]:
        """Count one step for every row of the tick that is still here; returns the finished rows.

        A job leaves with its last row.
        """
        self._age(tick)
        done = []
        for row in tick:
            job = self._admitted.get(row.job)
            if job is None:
                continue
            job.left[row.picture] -= 1
            if not job.left[row.picture]:
                del job.left[row.picture]
                done.append(row)
            if not job.left:
                del self._admitted[row.job]
        return done

    def _age(self, tick: Sequence[Row[J]]) -> None:
        painted = {row.job for row in tick}
        work = sum(job.group.tokens for row in tick if (job := self._admitted.get(row.job)))
        for id, job in self._admitted.items():
            if job is not None and id not in painted:
                job.overtaken += work
