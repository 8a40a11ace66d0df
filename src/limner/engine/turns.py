"""Whose turn it is among the jobs that are being painted.

Rules kept here and nowhere else:
- interactive jobs go before background ones, until one of these was overtaken by `PATIENCE` times
  its own work; from then on it counts as interactive;
- the job with the least work before its end goes first: shortest remaining work, the order with the
  least mean time (Schrage, "A proof of the optimality of the shortest remaining processing time
  discipline", 1968);
- the jobs of one client count one after the other, and part of what it has had while others were
  there counts before them: so twenty jobs of one client do not keep another's single one waiting;
- a job that others overtake which came later grows older, and its age counts against its work: so
  it is passed over for a bounded time only.

From these it follows that equal jobs are not interleaved, which would end all of them late: the one
that is painted has the least left, and keeps it.

Work is counted in tokens times steps. Pure: no clock.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from limner.core.image import Priority
from limner.engine.group import Group

J = TypeVar("J", bound=Hashable)

AGEING = 0.25
"""How much of the work done for later ones a job may set against its own; below 1, since two that
grow older together would take turns step by step."""
EQUITY = 0.5
"""How much of what a client had more than others counts before its jobs. All of it would make
small jobs wait for long that come from clients with large ones; a half keeps heavy ones in check
as well (`benchmarks/scheduling.py`)."""
PATIENCE = 8
"""How many times its own work a background job lets interactive ones overtake it by."""

Line = tuple[str, Priority]


@dataclass(slots=True)
class Share:
    """What is left to do of one job.

    left: steps of each unfinished picture. since: its number in the order of arrival.
    done: work. overtaken: work done for jobs that came later.
    """

    client: str
    priority: Priority
    since: int
    group: Group
    left: dict[int, int]
    done: int = 0
    overtaken: int = 0

    @property
    def work_left(self) -> int:
        return self.group.tokens * sum(self.left.values())

    @property
    def line(self) -> Line:
        return self.client, self.priority

    @property
    def is_pressing(self) -> bool:
        """Whether it may not be made to wait for its priority."""
        whole = self.done + self.work_left
        return self.priority == "interactive" or self.overtaken >= PATIENCE * whole

    @property
    def own_cost(self) -> float:
        """Of going after this job, as far as the job itself tells."""
        return self.work_left - AGEING * self.overtaken


class Turns(Generic[J]):
    """The jobs that have rows to step, and what their clients have had."""

    def __init__(self) -> None:
        self._shares: dict[J, Share] = {}
        self._had: dict[Line, int] = {}

    def __contains__(self, job: J) -> bool:
        return job in self._shares

    def __getitem__(self, job: J) -> Share:
        return self._shares[job]

    def add(self, job: J, share: Share) -> None:
        """Who comes anew has had as little as the one who had least."""
        if share.line not in self._had:
            self._had[share.line] = self._least(share.priority)
        self._shares[job] = share

    def drop(self, job: J) -> None:
        """Forget a job; what was done for it counts for its client as long as that is here."""
        share = self._shares.pop(job, None)
        if share is None:
            return
        self._had[share.line] += share.done
        if not any(other.line == share.line for other in self._shares.values()):
            del self._had[share.line]

    def note(self, stepped: Iterable[J]) -> None:
        """Count one step of one row for each entry; whoever came earlier and was not among them
        has been overtaken."""
        entries = [self._shares[job] for job in stepped]
        among = {id(share) for share in entries}
        for share in entries:
            share.done += share.group.tokens
        for other in self._shares.values():
            if id(other) not in among:
                other.overtaken += sum(
                    share.group.tokens for share in entries if share.since > other.since
                )

    def ranked(self) -> list[J]:
        """All jobs, the one whose turn it is first."""
        lines: dict[Line, list[J]] = {}
        for job, share in self._shares.items():
            lines.setdefault(share.line, []).append(job)
        keys: dict[J, tuple[bool, float, int]] = {}
        for line, jobs in lines.items():
            before = EQUITY * (self._had[line] - self._least(line[1]))
            for job in sorted(jobs, key=self._own_key):
                share = self._shares[job]
                keys[job] = not share.is_pressing, before + share.own_cost, share.since
                before += share.work_left
        return sorted(keys, key=keys.__getitem__)

    def _own_key(self, job: J) -> tuple[bool, float, int]:
        share = self._shares[job]
        return not share.is_pressing, share.own_cost, share.since

    def _least(self, priority: Priority) -> int:
        return min((had for line, had in self._had.items() if line[1] == priority), default=0)
