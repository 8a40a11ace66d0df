"""Whatever comes and goes: no row is lost, none is stepped too often, and no bound is broken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from limner.core.errors import ImageError
from limner.core.image import Priority
from limner.core.queue import background_places
from limner.engine.group import Group
from limner.engine.scheduler import Asker, Row, Scheduler

GROUPS = (
    Group(256, 256, 32, guided=False),
    Group(256, 256, 64, guided=False),
    Group(256, 256, 32, guided=True),
    Group(1024, 1024, 32, guided=False),
    Group(512, 512, 32, guided=False, alone=True),
)
PRIORITIES: tuple[Priority, ...] = ("interactive", "background")


class Studio(RuleBasedStateMachine):
    """A caller of the scheduler that remembers all it did."""

    @initialize(
        concurrent=st.integers(1, 6), limit=st.integers(0, 6), budget=st.integers(1, 10_000)
    )
    def open(self, concurrent: int, limit: int, budget: int) -> None:
        self.concurrent, self.limit = concurrent, limit
        self.scheduler = Scheduler[int](
            queue_limit=limit, max_concurrent=concurrent, token_budget=budget
        )
        self.asked: dict[int, tuple[Asker, Group, int, int]] = {}
        self.here: set[int] = set()
        self.joined: set[int] = set()
        self.steps: dict[Row[int], int] = {}
        self.finished: list[Row[int]] = []

    @rule(
        client=st.sampled_from("abc"),
        priority=st.sampled_from(PRIORITIES),
        group=st.sampled_from(GROUPS),
        pictures=st.integers(1, 4),
        steps=st.integers(1, 5),
    )
    def come(self, client: str, priority: Priority, **asked: Any) -> None:
        job, asker = len(self.asked), Asker(client, priority)
        free = self.concurrent - self.scheduler.admitted
        is_full = len(self.scheduler.waiting) >= self.limit + free
        if is_full:
            with pytest.raises(ImageError) as refused:
                self.scheduler.submit(job, asker)
            assert refused.value.code == "queue_full"
            return
        self.scheduler.submit(job, asker)
        self.asked[job] = asker, asked["group"], asked["pictures"], asked["steps"]
        self.here.add(job)

    @rule()
    def admit(self) -> None:
        for job in self.scheduler.admit():
            _, group, pictures, steps = self.asked[job]
            self.scheduler.join(job, group, pictures=pictures, steps=steps)
            self.joined.add(job)
            self.steps |= {Row(job, picture): 0 for picture in range(pictures)}

    @rule(data=st.data())
    @precondition(lambda self: self.here)
    def go(self, data: st.DataObject) -> None:
        self._leave(data.draw(st.sampled_from(sorted(self.here))))

    @rule(budget=st.integers(1, 10_000))
    def change_the_budget(self, budget: int) -> None:
        self.scheduler.token_budget = budget

    @rule(data=st.data(), leaves=st.booleans())
    def step(self, data: st.DataObject, leaves: bool) -> None:
        tick = self.scheduler.next_tick()
        assert bool(tick) == bool(self.joined & self.here)
        if not tick:
            return
        self._check(tick)
        if leaves:  # while the pass is under way
            self._leave(data.draw(st.sampled_from(sorted(self.here))))
        finished = self.scheduler.advance(tick)
        for row in tick:
            self.steps[row] += row.job in self.here
        self.finished += finished
        for job in {row.job for row in finished}:
            pictures, steps = self.asked[job][2:]
            if all(self.steps[Row(job, k)] == steps for k in range(pictures)):
                self.here.remove(job)

    def _check(self, tick: list[Row[int]]) -> None:
        groups = {self.asked[row.job][1] for row in tick}
        assert len(groups) == 1
        group = groups.pop()
        assert len(tick) == 1 or len(tick) * group.tokens <= self.scheduler.token_budget
        assert len(tick) == 1 or not group.alone
        assert len(set(tick)) == len(tick)
        for row in tick:
            assert row.job in self.here & self.joined, "none is stepped after it left"
            assert self.steps[row] < self.asked[row.job][3], "none is stepped too often"

    def _leave(self, job: int) -> None:
        self.scheduler.leave(job)
        self.here.discard(job)

    @invariant()
    def everyone_is_somewhere(self) -> None:
        waiting = set(self.scheduler.waiting)
        assert waiting | (self.joined & self.here) == self.here
        assert not waiting & self.joined
        assert self.scheduler.admitted == len(self.joined & self.here) <= self.concurrent
        behind = [j for j in self.joined & self.here if self.asked[j][0].priority == "background"]
        assert len(behind) <= background_places(self.concurrent)
        tick = self.scheduler.next_tick()
        line = self.scheduler.in_line(tick)
        assert len(set(line)) == len(line)
        assert waiting <= set(line) <= self.here
        assert not {row.job for row in tick} & set(line)

    @invariant()
    def every_picture_is_finished_once_and_whole(self) -> None:
        assert len(set(self.finished)) == len(self.finished)
        assert all(self.steps[row] == self.asked[row.job][3] for row in self.finished)

    def teardown(self) -> None:
        """Whoever is still here is served to the end."""
        if not hasattr(self, "scheduler"):
            return
        most = sum(pictures * steps for _, _, pictures, steps in self.asked.values())
        for _ in range(most + 1):
            self.admit()
            for row in (tick := self.scheduler.next_tick()):
                self.steps[row] += 1
            self.finished += self.scheduler.advance(tick)
            if not tick:
                break
        assert not self.scheduler.admitted
        assert not self.scheduler.waiting
        self.every_picture_is_finished_once_and_whole()


TestWhateverComesAndGoes = Studio.TestCase
TestWhateverComesAndGoes.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
