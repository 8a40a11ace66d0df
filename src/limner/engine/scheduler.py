"""Who paints next: jobs wait in a queue, and the rows of admitted jobs share forward passes.

A *tick* is one forward pass of the model over rows of one group. Rows join and leave between ticks.

Rules kept here and nowhere else:
- waiting jobs are admitted by turns of their clients, interactive ones first (`core.queue`);
- among admitted jobs `turns` says who is first, and that one chooses the group of the tick;
- rows of other jobs of that group fill the tick in the same order, but a background job never
  makes the tick of an interactive one longer;
- a tick holds at most `token_budget` tokens, or one row where a single row has more;
- among the rows of one job the most advanced goes first, so that first pictures come early.

Pure: no clock, no threads; times are what the caller says they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from limner.core.errors import ImageError
from limner.core.image import Priority
from limner.core.queue import FairQueue, background_places
from limner.engine.group import Group
from limner.engine.turns import Share, Turns

J = TypeVar("J", bound=Hashable)

NATIVE_TOKENS = 4608
"""A budget for one picture of 1024 px or sixteen of 256 px, where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Row(Generic[J]):
    """Picture number `picture` of a job."""

    job: J
    picture: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants a job done. client: of fair shares; everybody of no name is one client.

    deadline: in the caller's time; at it the job leaves, done or not. None for no such time.
    """

    client: str = ""
    priority: Priority = "interactive"
    deadline: float | None = None


ANYBODY = Asker()


@dataclass(frozen=True, slots=True)
class _Ticket:
    asker: Asker
    number: int


class Scheduler(Generic[J]):
    """The order of work. A job is whatever the caller knows it by.

    The way of a job: `submit`, `admit`, `join`, then `next_tick` and `advance` until its rows are
    done. `leave` ends it from anywhere.
    """

    def __init__(
        self,
        *,
        queue_limit: int = 16,
        max_concurrent: int = 1,
        token_budget: int = NATIVE_TOKENS,
    ) -> None:
        """queue_limit: jobs that may wait. max_concurrent: jobs that the order is made among.

        token_budget: tokens of one tick.
        """
        self._queue_limit = queue_limit
        self._max_concurrent = max_concurrent
        self.token_budget = token_budget
        self._tickets: dict[J, _Ticket] = {}
        self._waiting = FairQueue[J]()
        self._turns = Turns[J]()
        self._arrived = 0

    @property
    def waiting(self) -> Sequence[J]:
        """Jobs in the queue, in the order in which they would be admitted."""
        return tuple(self._waiting)

    @property
    def admitted(self) -> int:
        return len(self._tickets) - len(self._waiting)

    def __contains__(self, job: J) -> bool:
        """Whether the job is here and has work left."""
        return job in self._tickets

    def submit(self, job: J, asker: Asker = ANYBODY, *, retry_after_s: float | None = None) -> None:
        """Put a job into the queue.

        Raises ImageError `queue_full` (503, retryable) when it could not be admitted at once and
        `queue_limit` jobs wait already; retry_after_s goes into that error.
        """
        free = self._max_concurrent - self.admitted
        if len(self._waiting) >= self._queue_limit + free:
            raise ImageError(
                f"the engine paints {self.admitted} requests and {len(self._waiting)} wait, "
                "which is the most it takes; try again later",
                code="queue_full",
                retryable=True,
                status=503,
                retry_after_s=retry_after_s,
            )
        self._arrived += 1
        self._tickets[job] = _Ticket(asker, self._arrived)
        self._waiting.join(asker.client, job, asker.priority)

    def admit(self) -> list[J]:
        """Take the next jobs from the queue, as many as may be admitted at a time."""
        taken = []
        while self.admitted < self._max_concurrent:
            job = self._waiting.take(background=self._may_admit_background)
            if job is None:
                break
            taken.append(job)
        return taken

    @property
    def _may_admit_background(self) -> bool:
        admitted = (job for job in self._tickets if job not in self._waiting)
        count = sum(self._tickets[job].asker.priority == "background" for job in admitted)
        return count < background_places(self._max_concurrent)

    def join(self, job: J, group: Group, *, pictures: int, steps: int) -> None:
        """Give an admitted job its rows, `steps` for each picture; one that has left stays away."""
        ticket = self._tickets.get(job)
        if ticket is None:
            return
        client, priority = ticket.asker.client, ticket.asker.priority
        left = dict.fromkeys(range(pictures), steps)
        self._turns.add(job, Share(client, priority, ticket.number, group, left))

    def leave(self, job: J) -> None:
        """Forget a job, wherever it is. Unknown jobs are none of its concern."""
        self._tickets.pop(job, None)
        self._waiting.leave(job)
        self._turns.drop(job)

    def overdue(self, now: float) -> list[J]:
        """Jobs whose deadline has come, wherever they are."""
        return [
            job
            for job, ticket in self._tickets.items()
            if ticket.asker.deadline is not None and ticket.asker.deadline <= now
        ]

    def next_tick(self) -> list[Row[J]]:
        """The rows of the next forward pass, all of one group; empty when nothing is to do."""
        turns = self._turns
        ranked = turns.ranked()
        if not ranked:
            return []
        first = turns[ranked[0]]
        rows = [
            Row(job, picture)
            for job in ranked
            if (share := turns[job]).group == first.group and share.is_pressing == first.is_pressing
            for picture in sorted(share.left, key=share.left.__getitem__)
        ]
        return rows[: first.group.rows(self.token_budget)]

    def in_line(self, tick: Sequence[Row[J]]) -> list[J]:
        """Jobs that wait for their first step, in the order of their turns as things stand.

        tick: the one that comes next; who is in it does not wait.
        """
        turns = self._turns
        soon = {row.job for row in tick}
        joined = [job for job in turns.ranked() if not turns[job].done and job not in soon]
        return [*joined, *self._waiting]

    def shrink(self, tick: Sequence[Row[J]]) -> None:
        """Let no tick hold more than half of this one, which was of several rows and too much."""
        groups = [self._turns[row.job].group for row in tick if row.job in self._turns]
        if groups:
            self.token_budget = groups[0].tokens * (len(tick) // 2)

    def advance(self, tick: Sequence[Row[J]]) -> list[Row[J]]:
        """Count one step for every row of the tick that is still here; returns the finished rows.

        A job leaves with its last row.
        """
        turns = self._turns
        here = [row for row in tick if row.job in turns]
        turns.note(row.job for row in here)
        done = []
        for row in here:
            left = turns[row.job].left
            left[row.picture] -= 1
            if not left[row.picture]:
                del left[row.picture]
                done.append(row)
        for job in dict.fromkeys(row.job for row in done):
            if not turns[job].left:
                self.leave(job)
        return done
