"""The life of responses against a model of it, on both databases.

Two processes work on one store: they claim, write, finish, die and come back; clients create,
cancel and delete. Whatever the order, what the model says holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from limner.core.response_store import ENDED, Claim, Ending, Frame, Lease, Nature, NewResponse
from limner.store.blobs import Blobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.postgres import open_postgres
from limner.store.responses import LEASE_S, StoredResponses
from limner.store.session import Dialect
from limner.store.sqlite import open_sqlite
from tests.amount import amount

T = TypeVar("T")
OWNERS = ("ann", "bob")
KEEP_S = 1_000.0


@dataclass
class Modelled:
    """What must be true of one response. frames: its log; epoch: of its newest claim."""

    owner: str
    status: str = "queued"
    frames: list[int] = field(default_factory=lambda: [0, 1])
    epoch: int = 0
    attempts: int = 0
    lease_until: float = 0.0
    ended_at: float | None = None
    cancel_requested: bool = False


class Life(RuleBasedStateMachine):
    """One example; `url` is set by the test."""

    url: str | None = None
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.now = 10_000.0
        self.count = 0
        self.model: dict[str, Modelled] = {}
        self.loop = asyncio.new_event_loop()
        self.folder = TemporaryDirectory()
        folder = Path(self.folder.name)
        opening = open_postgres(self.url) if self.url else open_sqlite(folder / "limner.sqlite")
        self.opening = opening
        self.database = self.do(opening.__aenter__())
        self.do(upgrade(self.database))
        self.do(self.database.write(lambda tx: tx.run("DELETE FROM responses")))
        self.store = StoredResponses(
            self.database, Texts(Blobs(folder / "blobs")), keep_s=KEEP_S, clock=lambda: self.now
        )

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.do(self.opening.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    @rule(owner=st.sampled_from(OWNERS))
    def create(self, owner: str) -> None:
        self.count += 1
        id = f"resp_{self.count:04}"
        nature = Nature(owner, self.now, self.now + 100, background=True, is_logged=True)
        new = NewResponse(id, nature, "queued", b"{}", order=b"{}", frames=[b"0", b"1"])
        assert self.do(self.store.create(new)) == Lease(id, 0)
        self.model[id] = Modelled(owner)

    @rule(target=claims)
    def claim(self) -> Any:
        free = [
            id
            for id, one in self.model.items()
            if one.ended_at is None and one.lease_until < self.now
        ]
        claim = self.do(self.store.claim())
        if not free:
            assert claim is None
            return multiple()
        assert claim is not None
        assert claim.lease.id in free
        one = self.model[claim.lease.id]
        one.epoch += 1
        one.attempts += 1
        one.lease_until = self.now + LEASE_S
        assert (claim.lease.epoch, claim.attempts) == (one.epoch, one.attempts)
        assert claim.cancel_requested == one.cancel_requested
        return claim

    def holds(self, claim: Claim) -> Modelled | None:
        """The response, if this claim may still write to it."""
        one = self.model.get(claim.lease.id)
        is_held = one and one.epoch == claim.lease.epoch and one.ended_at is None
        return one if is_held else None

    @rule(claim=claims, count=st.integers(1, 3))
    def append(self, claim: Claim, count: int) -> None:
        one = self.holds(claim)
        first = len(one.frames) if one else 2
        numbers = range(first, first + count)
        frames = [Frame(number, b"%d" % number) for number in numbers]
        assert self.do(self.store.append(claim.lease, frames, {}, "")) == (one is not None)
        if one:
            one.status = "in_progress"
            one.frames += numbers

    @rule(claim=claims, status=st.sampled_from(sorted(ENDED)))
    def finish(self, claim: Claim, status: Any) -> None:
        one = self.holds(claim)
        number = len(one.frames) if one else 2
        ending = Ending(status, b"{}", [])
        frames = [Frame(number, b"%d" % number)]
        assert self.do(self.store.finish(claim.lease, frames, ending)) == (one is not None)
        if one:
            one.status = status
            one.frames.append(number)
            one.ended_at = self.now

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        one = self.holds(claim)
        told = self.do(self.store.renew([claim.lease]))
        assert told == ({claim.lease.id: one.cancel_requested} if one else {})
        if one:
            one.lease_until = self.now + LEASE_S

    @rule(claim=claims)
    def release(self, claim: Claim) -> None:
        self.do(self.store.release([claim.lease]))
        if one := self.holds(claim):
            one.lease_until = 0.0
            one.attempts -= 1

    @rule(seconds=st.sampled_from([1.0, LEASE_S + 1, KEEP_S / 2]))
    def time_passes(self, seconds: float) -> None:
        """Long enough, and whoever has not renewed its lease is as good as dead."""
        self.now += seconds

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.model:
            id = data.draw(st.sampled_from(sorted(self.model)))
            self.do(self.store.request_cancel(id))
            self.model[id].cancel_requested = True

    @rule(data=st.data(), owner=st.sampled_from(OWNERS))
    def delete(self, data: st.DataObject, owner: str) -> None:
        if self.model:
            id = data.draw(st.sampled_from(sorted(self.model)))
            is_own = self.model[id].owner == owner
            assert self.do(self.store.delete(owner, id)) == is_own
            if is_own:
                del self.model[id]

    @rule()
    def forget(self) -> None:
        self.do(self.store.forget(self.now))
        self.model = {
            id: one
            for id, one in self.model.items()
            if one.ended_at is None or one.ended_at + KEEP_S >= self.now
        }

    @rule()
    def another_takes_over_alone(self) -> None:
        assert self.do(self.store.orphans(sole=True)) == []
        for one in self.model.values():
            if one.ended_at is None:
                one.lease_until = 0.0

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for id, one in self.model.items():
            found = self.do(self.store.get(one.owner, id))
            assert found is not None
            assert found.status == one.status
            frames = self.do(self.store.frames(id, -1, 1_000))
            assert [frame.number for frame in frames] == one.frames
        rows = self.do(self.database.read("SELECT count(*) FROM responses"))
        assert rows == [(len(self.model),)]
        events = self.do(self.database.read("SELECT count(*) FROM response_events"))
        assert events == [(sum(len(one.frames) for one in self.model.values()),)]


def test_the_life_of_responses(dialect: Dialect, request: pytest.FixtureRequest) -> None:
    class There(Life):
        url = request.getfixturevalue("postgres_url") if dialect == "postgres" else None

    run_state_machine_as_test(
        There,
        settings=settings(
            max_examples=amount(25, 250),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
