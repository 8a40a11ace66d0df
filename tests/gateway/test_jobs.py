"""Jobs over a scripted back end and a store in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest

from limner.core.errors import ImageError, StoreError
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.job import LOST as LOST_CODES
from limner.core.job import Claim, Job, JobOrder, Lease
from limner.gateway import job_run
from limner.gateway.jobs import LEASE_S, Jobs
from limner.store.jobs import SqlJobs
from tests.kept_jobs import open_job_store, open_jobs
from tests.scripted_images import (
    CAPABLE,
    HANG,
    BrokenError,
    ScriptedImages,
    Step,
    done,
    preview,
    progress,
)

ORDER = JobOrder(ImageRequest("a cat"))
FAILURE = ImageFailed("out of memory", retryable=True)
LOST = ImageFailed("The image back end cannot be reached", code="image_back_end_unreachable")
REPEATABLE = replace(CAPABLE, repeatable=True)
NEVER = 1e9
"""Seconds between beats of servers whose tests are not about beats."""


class Clock:
    """Tells the time that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def store() -> AsyncIterator[SqlJobs]:
    async with open_job_store() as store:
        yield store


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_run, "RETRY_S", 0.001)


async def over(jobs: Jobs, id: str) -> Job:
    job = await jobs.wait("", id)
    assert job is not None
    return job


async def status(jobs: Jobs, job: Job) -> str:
    found = await jobs.get("", job.id)
    assert found is not None
    return found.status


async def orphan(
    store: SqlJobs, *, attempts: int = 0, worker: str = "dead", until: float = 0.0, **job: object
) -> Job:
    """A job whose worker is dead, after so many beginnings."""
    left = Job("left", ORDER, 1000.0, **job)  # type: ignore[arg-type]
    claim: Claim | None = await store.submit(left, Lease(worker, until), 9999.0, attended=False)
    for _ in range(attempts):
        assert claim is not None
        claim = await store.start(claim, 1001.0)
    return left


async def test_a_job_is_painted_with_its_times() -> None:
    clock, backend = Clock(), ScriptedImages(progress(3), HANG, preview(), done())
    async with open_jobs(backend, clock=clock) as jobs:
        job = await jobs.submit(ORDER)
        assert (job.status, job.created_at) == ("queued", 1000)
        await backend.hangs()
        assert await status(jobs, job) == "in_progress"
        clock.now = 1003.5
        backend.go()
        job = await over(jobs, job.id)
    assert (job.status, job.started_at, job.ended_at) == ("completed", 1000, 1003.5)
    assert (job.picture, backend.requests) == (done(), [ORDER.request])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ((progress(3), FAILURE), "out of memory"),
        ((progress(3),), "ended without a picture"),
        ((progress(3), BrokenError), "The server failed"),
    ],
)
async def test_a_job_that_fails_says_why(
    script: tuple[Step, ...], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_jobs(ScriptedImages(*script)) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        after = await over(jobs, (await jobs.submit(ORDER)).id)
    assert job.status == after.status == "failed"
    assert job.failure is not None
    assert message in job.failure.message
    has_trace = any(record.exc_info for record in caplog.records)
    assert has_trace == (BrokenError in script)


async def test_jobs_wait_in_the_order_of_arrival() -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        second, third = await jobs.submit(ORDER), await jobs.submit(ORDER)
        assert [jobs.position(job.id) for job in (first, second, third)] == [None, 1, 2]
        assert jobs.queue.waiting == 2
        backend.go()
        await over(jobs, first.id)
        await backend.hangs()
        assert [jobs.position(job.id) for job in (second, third)] == [None, 1]
        backend.go()
        await over(jobs, second.id)
        assert await status(jobs, third) != "completed"
        backend.go()
        assert (await over(jobs, third.id)).status == "completed"
    assert backend.most_running == 1


async def test_owners_take_turns() -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend) as jobs:
        for owner in ("ann", "ann", "ann", "bob"):
            order = JobOrder(ImageRequest(f"a cat of {owner}"))
            last = await jobs.submit(order, owner)
        for _ in range(4):
            await backend.hangs()
            backend.go()
        await jobs.wait("bob", last.id)
    prompts = [request.prompt.split()[-1] for request in backend.requests]
    assert prompts == ["ann", "ann", "bob", "ann"]


async def test_a_full_queue_refuses_and_keeps_nothing(store: SqlJobs) -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend, store, max_queue=1) as jobs:
        for _ in range(2):
            await jobs.submit(ORDER)
        await backend.hangs()
        with pytest.raises(ImageError, match="queue is full") as caught:
            await jobs.submit(ORDER)
        assert (caught.value.status, caught.value.code) == (503, "queue_full")
        assert caught.value.retry_after_s == 5
    assert len(await store.adopt(Lease("next", 0), 0, lost_before=NEVER)) == 2


async def test_a_job_that_waits_is_cancelled_at_once() -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        second = await jobs.submit(ORDER)
        cancelled = await jobs.cancel("", second.id)
        assert cancelled is not None
        assert (cancelled.status, jobs.queue.waiting) == ("cancelled", 0)
        backend.go()
        assert (await over(jobs, first.id)).status == "completed"
    assert len(backend.requests) == 1


async def test_cancelling_a_job_in_work_stops_the_back_end() -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend) as jobs:
        job = await jobs.submit(ORDER)
        await backend.hangs()
        cancelled = await jobs.cancel("", job.id)
        assert backend.running == 0
        assert cancelled is not None
        assert cancelled.status == "cancelled"
        backend.go()
        assert (await over(jobs, (await jobs.submit(ORDER)).id)).status == "completed"


async def test_cancelling_what_is_over_unknown_or_foreign_changes_nothing() -> None:
    async with open_jobs(ScriptedImages(done())) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        assert await jobs.cancel("", job.id) == job
        assert await jobs.cancel("", "unknown") is None
        assert await jobs.cancel("another", job.id) is None
        assert await jobs.wait("another", job.id) is None


async def test_results_are_kept_for_their_time() -> None:
    clock = Clock()
    async with open_jobs(ScriptedImages(done()), clock=clock) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        clock.now += 600
        assert await jobs.get("", job.id) == job
        clock.now += 0.1
        assert await jobs.get("", job.id) is None
        assert await jobs.wait("", job.id) is None


@pytest.mark.parametrize("capabilities", [CAPABLE, REPEATABLE])
async def test_what_waits_at_the_end_is_painted_by_the_next_server(
    store: SqlJobs, capabilities: object
) -> None:
    backend = ScriptedImages(HANG, done(), capabilities=capabilities)  # type: ignore[arg-type]
    async with open_jobs(backend, store) as jobs:
        running, waiting = [await jobs.submit(ORDER) for _ in range(2)]
        await backend.hangs()
        waiter = asyncio.create_task(jobs.wait("", running.id))
        await asyncio.sleep(0)
    assert backend.running == 0
    assert await waiter
    following = ScriptedImages(done(), capabilities=capabilities)  # type: ignore[arg-type]
    async with open_jobs(following, store) as jobs:
        assert (await over(jobs, waiting.id)).status == "completed"
        ended = await over(jobs, running.id)
    if capabilities is REPEATABLE:
        assert ended.status == "completed"
    else:
        assert ended.failure is not None
        assert ended.failure.code == "outcome_unknown"
        assert len(following.requests) == 1


async def test_a_picture_that_costs_is_waited_for_while_the_server_stops(store: SqlJobs) -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend, store, drain_s=60) as jobs:
        under_way, waiting = [await jobs.submit(ORDER) for _ in range(2)]
        await backend.hangs()
        backend.go()
    ends = [await store.get("", job.id, 0.0) for job in (under_way, waiting)]
    assert [end and end.status for end in ends] == ["completed", "queued"]
    assert len(backend.requests) == 1


async def test_a_picture_that_died_with_its_server_is_painted_again_if_that_costs_nothing(
    store: SqlJobs,
) -> None:
    left = await orphan(store, attempts=2)
    backend = ScriptedImages(done(), capabilities=REPEATABLE)
    async with open_jobs(backend, store, clock=Clock()) as jobs:
        job = await over(jobs, left.id)
    assert (job.status, len(backend.requests)) == ("completed", 1)


@pytest.mark.parametrize(
    ("attempts", "capabilities", "code"),
    [(3, REPEATABLE, "engine_crashed"), (1, CAPABLE, "outcome_unknown")],
)
async def test_what_may_not_be_painted_again_fails_and_nobody_is_asked(
    store: SqlJobs, attempts: int, capabilities: object, code: str
) -> None:
    left = await orphan(store, attempts=attempts)
    backend = ScriptedImages(done(), capabilities=capabilities)  # type: ignore[arg-type]
    async with open_jobs(backend, store, clock=Clock()) as jobs:
        job = await over(jobs, left.id)
    assert job.failure is not None
    assert (job.status, job.failure.code, backend.requests) == ("failed", code, [])


@pytest.mark.parametrize("code", sorted(LOST_CODES))
async def test_an_engine_that_ends_is_given_three_attempts(store: SqlJobs, code: str) -> None:
    backend = ScriptedImages(replace(LOST, code=code), capabilities=REPEATABLE)
    async with open_jobs(backend, store) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
    assert job.failure is not None
    assert (job.failure.code, len(backend.requests)) == ("engine_crashed", 3)


class FragileEngine:
    """Paints nothing before the poison has ended it once, with all that was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._first_end = asyncio.Event()

    @property
    def capabilities(self) -> ImageCapabilities:
        return REPEATABLE

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self.begun.append(request.prompt)
        ends = request.prompt == "poison" or not self._first_end.is_set()
        if request.prompt == "poison":
            self._first_end.set()
        await self._first_end.wait()
        yield replace(LOST, code="engine_crashed") if ends else done()


async def test_what_brings_the_engine_down_does_not_take_others_with_it_again() -> None:
    engine = FragileEngine()
    prompts = ["a", "b", "poison", "c", "d"]
    async with open_jobs(engine, max_concurrent=8) as jobs:
        orders = [JobOrder(ImageRequest(prompt)) for prompt in prompts]
        ids = [(await jobs.submit(order)).id for order in orders]
        ended = [await over(jobs, id) for id in ids]
        late = await over(jobs, (await jobs.submit(ORDER)).id)
    statuses = {job.order.request.prompt: job.status for job in ended}
    assert statuses == dict.fromkeys("abcd", "completed") | {"poison": "failed"}
    assert engine.begun.count("poison") == 3
    assert [engine.begun.count(prompt) for prompt in "ab"] == [2, 2], "once with it, once alone"
    assert all(engine.begun.count(prompt) <= 2 for prompt in "cd")
    assert late.status == "completed"


async def test_a_service_that_goes_away_is_asked_once() -> None:
    backend = ScriptedImages(LOST)
    async with open_jobs(backend) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
    assert (job.failure, len(backend.requests)) == (LOST, 1)


async def test_beside_other_servers_only_what_they_let_go_is_taken(store: SqlJobs) -> None:
    clock = Clock()
    left = await orphan(store, until=clock.now + LEASE_S)
    backend = ScriptedImages(done())
    async with open_jobs(backend, store, is_alone=False, clock=clock, beat_s=0.001) as jobs:
        await asyncio.sleep(0.02)
        assert backend.requests == []
        clock.now += LEASE_S + 1
        await backend.has_stopped.wait()
        assert (await over(jobs, left.id)).status == "completed"


async def test_a_job_that_another_server_cancels_or_claims_is_stopped(store: SqlJobs) -> None:
    backend = ScriptedImages(HANG, done())
    async with open_jobs(backend, store, is_alone=False, beat_s=0.001) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        await store.cancel("", first.id, 1.0)
        await backend.has_stopped.wait()
        backend.has_stopped.clear()
        second = await jobs.submit(ORDER)
        await backend.hangs()
        taken = await store.adopt(Lease("other", NEVER * 2), 1.0, lost_before=NEVER * 2)
        await backend.has_stopped.wait()
        assert [claim.job.id for claim in taken] == [second.id]
        assert await store.finish(taken[0], done(), 2.0)


async def test_a_job_ends_at_its_deadline(store: SqlJobs) -> None:
    clock, backend = Clock(), ScriptedImages(HANG, done())
    async with open_jobs(backend, store, clock=clock, beat_s=0.001, deadline_s=60) as jobs:
        job = await jobs.submit(ORDER)
        await backend.hangs()
        clock.now += 61
        await backend.has_stopped.wait()
        ended = await over(jobs, job.id)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == ("failed", "deadline_exceeded")


class SulkyStore(SqlJobs):
    """Refuses every write of an outcome, and every beginning, once."""

    refused = 0

    async def start(self, claim: Claim, now: float) -> Claim | None:
        if self.refused == 0:
            self.refused += 1
            raise StoreError("the disk is full", code="insufficient_storage")
        return await super().start(claim, now)

    async def finish(self, claim: Claim, *rest: object) -> bool:
        if self.refused == 1:
            self.refused += 1
            raise StoreError("the disk is full", code="insufficient_storage")
        return await super().finish(claim, *rest)  # type: ignore[arg-type]


async def test_a_store_that_refuses_for_a_while_costs_no_accepted_job(store: SqlJobs) -> None:
    sulky = SulkyStore(store._database, store._texts, keep_s=600)
    backend = ScriptedImages(done())
    async with open_jobs(backend, sulky) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
    assert (job.status, sulky.refused, len(backend.requests)) == ("completed", 2, 1)


async def test_what_the_store_does_not_take_has_no_place_in_the_queue() -> None:
    class FullStore(SqlJobs):
        async def submit(self, *_: object, **__: object) -> Claim:
            raise StoreError("the disk is full", code="insufficient_storage")

    async with open_job_store() as store:
        full = FullStore(store._database, store._texts, keep_s=600)
        async with open_jobs(ScriptedImages(HANG), full, max_queue=1) as jobs:
            for _ in range(3):
                with pytest.raises(StoreError):
                    await jobs.submit(ORDER)
            assert jobs.queue.waiting == 0


async def test_the_log_has_a_line_for_a_job_and_not_its_prompt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "limner")
    async with open_jobs(ScriptedImages(done())) as jobs:
        job = await over(jobs, (await jobs.submit(JobOrder(ImageRequest("a secret cat")))).id)
    [record] = [r for r in caplog.records if getattr(r, "action", "") == "job"]
    assert (record.__dict__["job_id"], record.__dict__["status"]) == (job.id, "completed")
    assert "secret" not in str(record.__dict__)
