"""Many responses, two processes, one store, on both databases: each is run once and to its end."""

from __future__ import annotations

import asyncio

from limner.store.database import Database
from limner.store.pictures import Texts
from limner.store.responses import StoredResponses
from tests.gateway.test_background import LEASE_S, Clock, begin, log_of, process
from tests.scripted_images import HANG, ScriptedImages, done, preview


async def test_two_processes_share_the_work(database: Database, texts: Texts) -> None:
    clock, one, two = Clock(), ScriptedImages(preview(0), done()), ScriptedImages(done())
    store = StoredResponses(database, texts, keep_s=1_000.0, lease_s=LEASE_S, clock=clock)
    async with (
        process(store, one, clock, max_runs=2) as first,
        process(store, two, clock, max_runs=2) as second,
        asyncio.timeout(60),
    ):
        ids = [await begin(first if number % 2 else second, clock) for number in range(12)]
        assert all(await asyncio.gather(*(first.readers.ended(id) for id in ids)))
    assert len(one.requests) + len(two.requests) == len(ids)
    for id in ids:
        assert await store.status(id) == "completed"
        numbers = await log_of(store, id)
        assert numbers == list(range(len(numbers)))


async def test_what_one_leaves_the_other_ends(database: Database, texts: Texts) -> None:
    clock, one, two = Clock(), ScriptedImages(preview(0), HANG), ScriptedImages(done())
    store = StoredResponses(database, texts, keep_s=1_000.0, lease_s=LEASE_S, clock=clock)
    async with process(store, one, clock, heartbeat_s=1_000) as dead, asyncio.timeout(60):
        id = await begin(dead, clock)
        await one.hangs()
        clock.now += LEASE_S + 1
        async with process(store, two, clock) as alive:
            assert await alive.readers.ended(id)
    numbers = await log_of(store, id)
    assert numbers == list(range(len(numbers)))
    assert await store.status(id) == "completed"
