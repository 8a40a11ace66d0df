"""Jobs as rows, on both databases: claims, leases, ends, and who may see what."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from limner.core.image import ImageFailed, ImageRequest
from limner.core.job import Claim, Job, JobOrder, Lease
from limner.store.blobs import Blobs
from limner.store.database import Transaction
from limner.store.jobs import SqlJobs
from limner.store.pictures import Texts, sweep
from limner.store.postgres import open_postgres
from limner.store.session import Dialect, SessionDatabase
from limner.wire.kept import digest_of
from tests.pictures import picture
from tests.scripted_images import done

SOURCE, MASK = picture(5, 5), picture(5, 5, "webp")
ORDER = JobOrder(ImageRequest("a cat", images=(SOURCE,), mask=MASK), "cat", "ann", "chat", ("x",))
FAILED = ImageFailed("no", code="moderation_blocked")
MINE = Lease("mine", 100.0)


@pytest.fixture
def jobs(database: SessionDatabase, texts: Texts) -> SqlJobs:
    return SqlJobs(database, texts, keep_s=60)


async def submitted(
    jobs: SqlJobs, id: str = "a", lease: Lease = MINE, *, attended: bool = False, at: float = 1.0
) -> Claim:
    return await jobs.submit(Job(id, ORDER, at, owner="ann"), lease, at + 1000, attended=attended)


async def begun(jobs: SqlJobs, claim: Claim) -> Claim:
    claimed = await jobs.start(claim, 2.0)
    assert claimed is not None
    return claimed


async def test_a_job_comes_back_with_all_that_was_ordered(jobs: SqlJobs) -> None:
    claim = await submitted(jobs)
    assert await jobs.get("ann", "a", 1.0) == claim.job == Job("a", ORDER, 1.0, owner="ann")


async def test_pictures_are_no_part_of_a_row(
    jobs: SqlJobs, database: SessionDatabase, blobs: Blobs
) -> None:
    claim = await submitted(jobs)
    await jobs.finish(claim, done(), 3.0)
    [(record, outcome)] = await database.read("SELECT record, outcome FROM jobs")
    assert isinstance(record, bytes)
    assert isinstance(outcome, bytes)
    contents = [SOURCE.content, MASK.content, done().image.content]
    held = await database.read("SELECT digest FROM pictures WHERE holder = 'a'")
    assert {digest for (digest,) in held} == {digest_of(content) for content in contents}
    for content in contents:
        assert content not in record + outcome
        assert await blobs.get(digest_of(content)) == content


async def test_the_way_of_a_job(jobs: SqlJobs) -> None:
    claim = await submitted(jobs)
    claim = await begun(jobs, claim)
    assert claim.attempts == 1
    running = await jobs.get("ann", "a", 1.0)
    assert running is not None
    assert (running.status, running.started_at) == ("in_progress", 2.0)
    assert await jobs.finish(claim, done(), 5.0)
    over = await jobs.get("ann", "a", 5.0)
    assert over is not None
    assert (over.status, over.ended_at, over.picture) == ("completed", 5.0, done())


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_what_is_over_stays_as_it_is(jobs: SqlJobs, end: str) -> None:
    claim = await begun(jobs, await submitted(jobs))
    if end == "cancelled":
        assert await jobs.cancel("ann", "a", 3.0)
    else:
        assert await jobs.finish(claim, done() if end == "completed" else FAILED, 3.0)
    before = await jobs.get("ann", "a", 3.0)
    assert before is not None
    assert before.status == end
    assert await jobs.start(claim, 4.0) is None
    assert not await jobs.finish(claim, FAILED, 4.0)
    assert not await jobs.cancel("ann", "a", 4.0)
    assert await jobs.expire(9999.0) == []
    assert await jobs.adopt(Lease("other", 0.0), 4.0, lost_before=9999.0) == []
    assert await jobs.renew(MINE) == frozenset()
    assert await jobs.get("ann", "a", 3.0) == before


async def test_the_database_itself_refuses_a_second_end(
    jobs: SqlJobs, database: SessionDatabase
) -> None:
    await jobs.finish(await submitted(jobs), FAILED, 3.0)

    def rewrite(transaction: Transaction) -> None:
        transaction.run("UPDATE jobs SET status = 'completed'")

    with pytest.raises(Exception, match="a job that is over stays as it is"):
        await database.write(rewrite)


async def test_others_and_the_unknown_look_the_same(jobs: SqlJobs) -> None:
    await submitted(jobs)
    for owner, id in (("bob", "a"), ("", "a"), ("ann", "b")):
        assert await jobs.get(owner, id, 1.0) is None
        assert not await jobs.cancel(owner, id, 1.0)
    found = await jobs.get("ann", "a", 1.0)
    assert found is not None
    assert found.status == "queued"


async def test_a_lease_that_ended_is_taken_and_its_old_claim_touches_nothing(
    jobs: SqlJobs,
) -> None:
    old = await begun(jobs, await submitted(jobs, "b", at=2.0))
    await submitted(jobs, "a", at=1.0)
    await submitted(jobs, "c", Lease("third", 200.0))
    assert await jobs.adopt(Lease("other", 300.0), 5.0, lost_before=100.0) == []
    taken = await jobs.adopt(Lease("other", 300.0), 5.0, lost_before=100.5)
    assert [(claim.job.id, claim.epoch, claim.attempts) for claim in taken] == [
        ("a", 2, 0),
        ("b", 2, 1),
    ]
    assert taken[1].job.status == "queued"
    assert taken[1].job.order == ORDER
    assert await jobs.start(old, 6.0) is None
    assert not await jobs.finish(old, done(), 6.0)
    assert await jobs.renew(MINE) == frozenset()
    assert await jobs.renew(Lease("other", 400.0)) == {("a", 2), ("b", 2)}
    assert await jobs.finish(await begun(jobs, taken[1]), FAILED, 7.0)
    over = await jobs.get("ann", "b", 7.0)
    assert over is not None
    assert over.failure == FAILED


async def test_what_a_client_waited_for_is_not_painted_for_nobody(jobs: SqlJobs) -> None:
    await submitted(jobs, attended=True)
    assert await jobs.adopt(Lease("other", 300.0), 5.0, lost_before=101.0) == []
    found = await jobs.get("ann", "a", 5.0)
    assert found is not None
    assert (found.status, found.ended_at) == ("cancelled", 5.0)


@pytest.mark.parametrize(("refund", "attempts"), [(True, 0), (False, 1)])
async def test_leases_that_are_let_go_can_be_had_at_once(
    jobs: SqlJobs, refund: bool, attempts: int
) -> None:
    await begun(jobs, await submitted(jobs, "a"))
    await submitted(jobs, "b")
    await jobs.release("mine", refund=refund)
    taken = await jobs.adopt(Lease("other", 300.0), 5.0, lost_before=1.0)
    assert {claim.job.id: claim.attempts for claim in taken} == {"a": attempts, "b": 0}


async def test_nothing_outlives_its_deadline(jobs: SqlJobs) -> None:
    await submitted(jobs, "late", at=1.0)
    await submitted(jobs, "early", at=2.0)
    assert await jobs.expire(1001.0) == []
    assert await jobs.expire(1001.5) == ["late"]
    found = await jobs.get("ann", "late", 1001.5)
    assert found is not None
    assert found.failure is not None
    assert (found.status, found.failure.code) == ("failed", "deadline_exceeded")


async def test_what_is_over_is_forgotten_with_its_pictures(
    jobs: SqlJobs, database: SessionDatabase, blobs: Blobs
) -> None:
    await jobs.finish(await submitted(jobs, "a"), done(), 10.0)
    await submitted(jobs, "b")
    assert await jobs.get("ann", "a", 70.0)
    assert await jobs.get("ann", "a", 70.5) is None
    await jobs.forget(70.0)
    assert await database.read("SELECT COUNT(*) FROM jobs") == [(2,)]
    await jobs.forget(70.5)
    assert await database.read("SELECT id FROM jobs") == [("b",)]
    await sweep(database, blobs, grace_s=-1)
    assert not await blobs.has(digest_of(done().image.content))
    assert await blobs.has(digest_of(SOURCE.content))


async def test_an_adopted_job_whose_source_is_gone_fails_by_name(
    jobs: SqlJobs, blobs: Blobs
) -> None:
    await submitted(jobs)
    await blobs.sweep(frozenset(), older_than_s=-1)
    assert await jobs.adopt(Lease("other", 300.0), 5.0, lost_before=101.0) == []
    assert await jobs.expire(9999.0) == []


async def test_of_servers_that_race_one_has_each_job(
    dialect: Dialect, database: SessionDatabase, texts: Texts, request: pytest.FixtureRequest
) -> None:
    async with AsyncExitStack() as stack:
        servers = [database]
        if dialect == "postgres":
            url = request.getfixturevalue("postgres_url")
            for _ in range(3):
                servers.append(await stack.enter_async_context(open_postgres(url)))
        stores = [SqlJobs(server, texts, keep_s=60) for server in servers]
        ids = [f"{number:03}" for number in range(60)]
        await asyncio.gather(*(submitted(stores[0], id) for id in ids))
        taken = await asyncio.gather(
            *(
                store.adopt(Lease(f"{number}", 300.0), 5.0, lost_before=200.0)
                for number, store in enumerate(stores * 3)
            )
        )
        claims = [claim for each in taken for claim in each]
        assert sorted(claim.job.id for claim in claims) == ids
        assert {claim.epoch for claim in claims} == {2}
