"""The queue of jobs over a scripted back end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from limner.core.errors import ImageError
from limner.core.image import ImageFailed, ImageRequest
from limner.core.job import Job, JobOrder
from limner.gateway.jobs import JobQueue, MemoryJobs
from tests.pictures import picture
from tests.scripted_images import HANG, BrokenError, ScriptedImages, done, preview, progress

ORDER = JobOrder(ImageRequest("a cat"))
FAILURE = ImageFailed("out of memory", retryable=True)


class Clock:
    """Tells the time that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def over(jobs: JobQueue, id: str) -> Job:
    job = await jobs.wait(id)
    assert job is not None
    return job


async def status(jobs: JobQueue, job: Job) -> str:
    found = await jobs.get(job.id)
    assert found is not None
    return found.status


async def test_a_job_is_painted_with_its_times() -> None:
    clock, backend = Clock(), ScriptedImages(progress(3), HANG, preview(), done())
    async with JobQueue(backend, clock=clock) as jobs:
        job = await jobs.submit(ORDER)
        assert (job.status, job.created_at) == ("queued", 1000)
        clock.now = 1001
        await backend.hangs()
        assert await status(jobs, job) == "in_progress"
        clock.now = 1003.5
        backend.go()
        job = await over(jobs, job.id)
    assert (job.status, job.started_at, job.ended_at) == ("completed", 1001, 1003.5)
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
    script: tuple[object, ...], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with JobQueue(ScriptedImages(*script)) as jobs:  # type: ignore[arg-type]
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        after = await over(jobs, (await jobs.submit(ORDER)).id)
    assert job.status == after.status == "failed"
    assert job.failure is not None
    assert message in job.failure.message
    has_trace = any(record.exc_info for record in caplog.records)
    assert has_trace == (BrokenError in script)


async def test_jobs_wait_in_the_order_of_arrival() -> None:
    backend = ScriptedImages(HANG, done())
    async with JobQueue(backend) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        second, third = await jobs.submit(ORDER), await jobs.submit(ORDER)
        assert [jobs.position(job.id) for job in (first, second, third)] == [None, 1, 2]
        assert jobs.waiting == 2
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


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    clock, backend = Clock(), ScriptedImages(HANG, done())
    async with JobQueue(backend, max_queue=2, clock=clock) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        rest = [await jobs.submit(ORDER) for _ in range(2)]
        with pytest.raises(ImageError, match="queue is full") as caught:
            await jobs.submit(ORDER)
        assert (caught.value.status, caught.value.code) == (503, "queue_full")
        assert caught.value.retryable
        assert caught.value.retry_after_s == 5
        clock.now += 30
        backend.go()
        await over(jobs, first.id)
        await backend.hangs()
        await jobs.submit(ORDER)
        with pytest.raises(ImageError) as caught:
            await jobs.submit(ORDER)
        assert caught.value.retry_after_s == 30
        await jobs.cancel(rest[0].id)
    assert backend.running == 0


async def test_as_many_are_painted_at_a_time_as_may_be() -> None:
    backend = ScriptedImages(HANG, done())
    async with JobQueue(backend, max_concurrent=3) as jobs:
        ids = [(await jobs.submit(ORDER)).id for _ in range(8)]
        for _ in range(3):
            await backend.hangs()
        assert jobs.waiting == 5
        for _ in ids:
            backend.go()
        assert {(await over(jobs, id)).status for id in ids} == {"completed"}
    assert backend.most_running == 3


async def test_a_job_that_waits_is_cancelled_at_once() -> None:
    backend = ScriptedImages(HANG, done())
    async with JobQueue(backend) as jobs:
        first = await jobs.submit(ORDER)
        await backend.hangs()
        second = await jobs.submit(ORDER)
        cancelled = await jobs.cancel(second.id)
        assert cancelled is not None
        assert (cancelled.status, jobs.waiting) == ("cancelled", 0)
        backend.go()
        assert (await over(jobs, first.id)).status == "completed"
    assert len(backend.requests) == 1


async def test_cancelling_a_job_in_work_stops_the_back_end() -> None:
    backend = ScriptedImages(HANG, done())
    async with JobQueue(backend) as jobs:
        job = await jobs.submit(ORDER)
        await backend.hangs()
        cancelled = await jobs.cancel(job.id)
        assert backend.running == 0
        assert cancelled is not None
        assert cancelled.status == "cancelled"
        backend.go()
        assert (await over(jobs, (await jobs.submit(ORDER)).id)).status == "completed"


async def test_cancelling_what_is_over_or_unknown_changes_nothing() -> None:
    async with JobQueue(ScriptedImages(done())) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        assert await jobs.cancel(job.id) == job
        assert await jobs.cancel("unknown") is None


async def test_results_are_kept_for_their_time() -> None:
    clock = Clock()
    async with JobQueue(ScriptedImages(done()), clock=clock, result_ttl_s=600) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        clock.now += 600
        assert await jobs.get(job.id) == job
        clock.now += 0.1
        assert await jobs.get(job.id) is None
        assert await jobs.wait(job.id) is None


async def test_old_results_are_swept_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limner.gateway.jobs.SWEEP_S", 0.001)
    clock, forgotten = Clock(), asyncio.Event()

    class Store(MemoryJobs):
        async def forget(self, ended_before: float) -> None:
            await super().forget(ended_before)
            if ended_before > 1000:
                forgotten.set()

    store = Store()
    async with JobQueue(ScriptedImages(done()), store=store, clock=clock) as jobs:
        job = await over(jobs, (await jobs.submit(ORDER)).id)
        assert await store.get(job.id)
        clock.now += 601
        await forgotten.wait()
        assert await store.get(job.id) is None


async def test_what_is_left_at_the_end_is_cancelled() -> None:
    backend, store = ScriptedImages(HANG, done()), MemoryJobs()
    async with JobQueue(backend, store=store) as jobs:
        ids = [(await jobs.submit(ORDER)).id for _ in range(3)]
        await backend.hangs()
        waiter = asyncio.create_task(jobs.wait(ids[0]))
    left = [await store.get(id) for id in ids]
    assert [job and job.status for job in left] == ["cancelled"] * 3
    assert (await waiter) == left[0]
    assert backend.running == 0


async def test_a_full_memory_forgets_the_oldest_results_and_nothing_else() -> None:
    size = len(picture().content)
    store = MemoryJobs(max_bytes=2 * size)
    waiting = Job("waiting", ORDER, 1)
    await store.put(waiting)
    for id in ("a", "b", "c"):
        job = Job(id, ORDER, 1)
        await store.put(job)
        await store.put(job.start(2).complete(done(), 3))
    kept = {id for id in ("waiting", "a", "b", "c") if await store.get(id)}
    assert kept == {"waiting", "b", "c"}


async def test_one_result_larger_than_the_memory_can_still_be_fetched() -> None:
    store = MemoryJobs(max_bytes=1)
    await store.put(Job("a", ORDER, 1).start(2).complete(done(), 3))
    assert await store.get("a")


async def test_the_log_has_a_line_for_a_job_and_not_its_prompt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "limner")
    async with JobQueue(ScriptedImages(done())) as jobs:
        job = await over(jobs, (await jobs.submit(JobOrder(ImageRequest("a secret cat")))).id)
    [record] = [r for r in caplog.records if getattr(r, "action", "") == "job"]
    assert (record.__dict__["job_id"], record.__dict__["status"]) == (job.id, "completed")
    assert "secret" not in str(record.__dict__)
