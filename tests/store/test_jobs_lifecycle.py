"""Any order of submits, claims, crashes, ends and deadlines, against a model, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from limner.core.image import ImageFailed, ImageRequest
from limner.core.job import Claim, Job, JobOrder, Lease
from limner.store.blobs import Blobs
from limner.store.jobs import SqlJobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.postgres import open_postgres
from limner.store.session import Dialect
from limner.store.sqlite import open_sqlite
from tests.amount import amount
from tests.scripted_images import done

WORKERS = ("one", "two", "three")
OWNERS = ("ann", "bob")
LEASE, LIFE, KEPT = 10.0, 100.0, 50.0
GOES_ON = ("queued", "in_progress")


@dataclass
class Row:
    """What the model knows of a job."""

    owner: str
    worker: str
    lease: float
    deadline: float
    attended: bool
    status: str = "queued"
    epoch: int = 1
    attempts: int = 0
    ended: float = 0.0

    @property
    def goes_on(self) -> bool:
        return self.status in GOES_ON


class Lifecycle(RuleBasedStateMachine):
    """Claims in hand may be stale: workers that were taken for dead go on with them."""

    jobs: SqlJobs
    runner: asyncio.Runner
    claims = Bundle("claims")

    @initialize()
    def empty(self) -> None:
        self.rows: dict[str, Row] = {}
        self.gone: set[str] = set()
        self.ends: dict[str, object] = {}
        self.now = 1000.0
        self.do(self.jobs._run("DELETE FROM jobs"))

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    def stands(self, claim: Claim) -> Row | None:
        row = self.rows.get(claim.job.id)
        return row if row and row.goes_on and row.epoch == claim.epoch else None

    @rule(
        target=claims,
        worker=st.sampled_from(WORKERS),
        owner=st.sampled_from(OWNERS),
        attended=st.sampled_from((False, False, False, True)),
    )
    def submit(self, worker: str, owner: str, attended: bool) -> Claim:
        id = f"job{len(self.rows)}"
        lease, deadline = Lease(worker, self.now + LEASE), self.now + LIFE
        job = Job(id, JobOrder(ImageRequest("a cat")), self.now, owner=owner)
        claim: Claim = self.do(self.jobs.submit(job, lease, deadline, attended=attended))
        self.rows[id] = Row(owner, worker, lease.until, deadline, attended)
        return claim

    @rule(target=claims, claim=claims)
    def start(self, claim: Claim) -> Claim:
        row = self.stands(claim)
        begun: Claim | None = self.do(self.jobs.start(claim, self.now))
        assert (begun is not None) == (row is not None)
        if row is None or begun is None:
            return claim
        row.status, row.attempts = "in_progress", row.attempts + 1
        assert begun.attempts == row.attempts
        return begun

    @rule(claim=claims, is_done=st.booleans())
    def finish(self, claim: Claim, is_done: bool) -> None:
        row = self.stands(claim)
        outcome = done() if is_done else ImageFailed(f"epoch {claim.epoch}")
        assert self.do(self.jobs.finish(claim, outcome, self.now)) == (row is not None)
        if row:
            row.status, row.ended = "completed" if is_done else "failed", self.now
            self.ends[claim.job.id] = outcome

    @rule(claim=claims, owner=st.sampled_from(OWNERS))
    def cancel(self, claim: Claim, owner: str) -> None:
        row = self.rows[claim.job.id]
        may = row.goes_on and row.owner == owner
        assert self.do(self.jobs.cancel(owner, claim.job.id, self.now)) == may
        if may:
            row.status, row.ended = "cancelled", self.now

    @rule(worker=st.sampled_from(WORKERS))
    def renew(self, worker: str) -> None:
        until = self.now + LEASE
        held = {id: row for id, row in self.rows.items() if row.goes_on and row.worker == worker}
        assert self.do(self.jobs.renew(Lease(worker, until))) == {
            (id, row.epoch) for id, row in held.items()
        }
        for row in held.values():
            row.lease = until

    @rule(target=claims, worker=st.sampled_from(WORKERS))
    def outlive(self, worker: str) -> Any:
        """All others stop renewing, dead or not, and one worker takes what they had."""
        self.now += LEASE + 1
        return self.adopt_now(worker)

    @rule(target=claims, worker=st.sampled_from(WORKERS))
    def adopt(self, worker: str) -> Any:
        return self.adopt_now(worker)

    def adopt_now(self, worker: str) -> Any:
        until = self.now + LEASE
        taken: list[Claim] = self.do(
            self.jobs.adopt(Lease(worker, until), self.now, lost_before=self.now)
        )
        expected = {}
        for id, row in self.rows.items():
            if not (row.goes_on and row.worker != worker and row.lease < self.now):
                continue
            if row.attended:
                row.status, row.ended = "cancelled", self.now
            else:
                row.status, row.worker, row.lease = "queued", worker, until
                row.epoch += 1
                expected[id] = (row.epoch, row.attempts)
        assert {claim.job.id: (claim.epoch, claim.attempts) for claim in taken} == expected
        return multiple(*taken)

    @rule(worker=st.sampled_from(WORKERS), refund=st.booleans())
    def stop(self, worker: str, refund: bool) -> None:
        self.do(self.jobs.release(worker, refund=refund))
        for row in self.rows.values():
            if row.goes_on and row.worker == worker:
                row.lease = 0.0
                row.attempts -= refund and row.status == "in_progress"

    @rule(seconds=st.sampled_from((1.0, LEASE + 1, LIFE + 1)))
    def wait(self, seconds: float) -> None:
        """Whoever does not renew meanwhile is taken for dead."""
        self.now += seconds

    @rule()
    def expire(self) -> None:
        late = {id for id, row in self.rows.items() if row.goes_on and row.deadline < self.now}
        assert set(self.do(self.jobs.expire(self.now))) == late
        for id in late:
            self.rows[id].status, self.rows[id].ended = "failed", self.now

    @rule()
    def forget(self) -> None:
        self.do(self.jobs.forget(self.now))
        self.gone |= {
            id for id, row in self.rows.items() if not row.goes_on and row.ended < self.now - KEPT
        }

    @invariant()
    def every_row_is_as_the_model_says(self) -> None:
        if not hasattr(self, "rows"):
            return
        for id, row in self.rows.items():
            job: Job | None = self.do(self.jobs.get(row.owner, id, self.now))
            if id in self.gone or (not row.goes_on and row.ended < self.now - KEPT):
                assert job is None
            else:
                assert job is not None
                assert job.status == row.status
                if id in self.ends:
                    assert self.ends[id] == (job.picture or job.failure)


@pytest.fixture
def machine(
    dialect: Dialect, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[type[Lifecycle]]:
    """The state machine over one database, which each example finds empty."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> SqlJobs:
            if dialect == "sqlite":
                database = await stack.enter_async_context(open_sqlite(None))
            else:
                url = request.getfixturevalue("postgres_url")
                database = await stack.enter_async_context(open_postgres(url))
            await upgrade(database)
            return SqlJobs(database, Texts(Blobs(tmp_path / "blobs")), keep_s=KEPT)

        yield type("Machine", (Lifecycle,), {"jobs": runner.run(opened()), "runner": runner})
        runner.run(stack.aclose())


def test_any_order_of_events_ends_as_the_model_does(machine: type[Lifecycle]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=amount(100, 1000), stateful_step_count=40, deadline=None),
    )
