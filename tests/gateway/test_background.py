"""Two processes before one store: what one leaves the other takes over, and never both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from limner.core.response_store import Frame, Lease, Nature
from limner.core.turn import JsonObject
from limner.gateway.background import Background
from limner.gateway.record import new_response
from limner.gateway.responder import Responder
from limner.gateway.several import always
from limner.store.blobs import Blobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.responses import StoredResponses
from limner.store.sqlite import open_sqlite
from limner.wire.known import NOTHING_KNOWN
from limner.wire.orders import Order
from tests.scripted_images import HANG, ScriptedImages, done, preview
from tests.scripted_upstream import ScriptedUpstream, draws

TOOL: Any = {"type": "image_generation", "partial_images": 2}
BODY = {"model": "any", "input": "a circle", "tools": [TOOL], "stream": True, "background": True}
LEASE_S = 100.0


class Clock:
    now = 5_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def opened(folder: Path, clock: Clock) -> AsyncIterator[StoredResponses]:
    async with open_sqlite(folder / "limner.sqlite") as database:
        await upgrade(database)
        texts = Texts(Blobs(folder / "blobs"))
        yield StoredResponses(database, texts, keep_s=1_000.0, lease_s=LEASE_S, clock=clock)


def process(
    store: StoredResponses, images: ScriptedImages, clock: Clock, **options: Any
) -> Background:
    """One process's part; only bells and polls of a twentieth of a second move it."""
    responder = Responder(always(ScriptedUpstream(draws)), images, clock=clock)
    options = {"poll_s": 0.05, "heartbeat_s": 0.05, **options}
    return Background(responder, store, **options)


async def begin(background: Background, clock: Clock) -> str:
    responder = Responder(always(ScriptedUpstream(draws)), ScriptedImages(), clock=clock)
    asked = responder.read("", Order(BODY, NOTHING_KNOWN))
    nature = Nature(
        "", clock.now, clock.now + 1_000, background=True, streamed=True, is_logged=True
    )
    new = new_response(responder, asked, responder.new_id("resp_"), nature)
    assert await background.begin(new)
    return new.id


async def log_of(store: StoredResponses, id: str) -> list[int]:
    return [frame.number for frame in await store.frames(id, -1, 1_000)]


async def test_what_a_dead_process_held_goes_to_another_when_its_lease_is_over(
    tmp_path: Path,
) -> None:
    clock, first, second = Clock(), ScriptedImages(preview(0), HANG, done()), ScriptedImages(done())
    async with opened(tmp_path, clock) as store:
        # The first one's heart does not beat: to others it is as good as dead.
        async with process(store, first, clock, heartbeat_s=1_000) as dead:
            id = await begin(dead, clock)
            await first.hangs()
            clock.now += LEASE_S + 1
            async with process(store, second, clock) as alive, asyncio.timeout(30):
                assert await alive.readers.ended(id)
            before = await log_of(store, id)
            first.go()
            await first.has_stopped.wait()
        assert await log_of(store, id) == before == list(range(len(before)))
        found = await store.peek(id)
    assert found is not None
    assert found.status == "completed"


async def test_a_heart_that_beats_keeps_its_responses(tmp_path: Path) -> None:
    clock, first, second = Clock(), ScriptedImages(HANG, done()), ScriptedImages(done())
    async with (
        opened(tmp_path, clock) as store,
        process(store, first, clock) as one,
        process(store, second, clock) as other,
        asyncio.timeout(30),
    ):
        id = await begin(one, clock)
        await first.hangs()
        for _ in range(5):
            clock.now += LEASE_S * 0.6
            await beats(store, id, clock)
        first.go()
        assert await other.readers.ended(id)
    assert (len(first.requests), len(second.requests)) == (1, 0)


async def beats(store: StoredResponses, id: str, clock: Clock) -> None:
    """Wait until the lease has been renewed at the present time."""
    async with asyncio.timeout(30):
        until = 0.0
        while until < clock.now + LEASE_S:
            rows = await store._database.read("SELECT lease_until FROM responses WHERE id = ?", id)
            until = float(rows[0][0] or 0)


async def test_another_process_can_cancel(tmp_path: Path) -> None:
    clock, first = Clock(), ScriptedImages(HANG)
    async with (
        opened(tmp_path, clock) as store,
        process(store, first, clock) as one,
        process(store, ScriptedImages(), clock) as other,
    ):
        id = await begin(one, clock)
        await first.hangs()
        async with asyncio.timeout(30):
            await other.cancel(id)
        assert first.has_stopped.is_set()
        assert await store.status(id) == "cancelled"


async def test_a_run_stops_when_its_lease_is_taken(tmp_path: Path) -> None:
    clock, first = Clock(), ScriptedImages(HANG)
    async with opened(tmp_path, clock) as store, process(store, first, clock) as one:
        id = await begin(one, clock)
        await first.hangs()
        clock.now += LEASE_S + 1
        # Another claims it in the moment before the next beat of the first one's heart.
        await store._database.write(
            lambda tx: tx.run("UPDATE responses SET epoch = epoch + 1, lease_until = 1e12")
        )
        async with asyncio.timeout(30):
            await first.has_stopped.wait()
        assert await store.status(id) == "in_progress"


async def test_a_clean_stop_leaves_no_trace_but_the_log(tmp_path: Path) -> None:
    clock, first, second = Clock(), ScriptedImages(preview(0), HANG), ScriptedImages(done())
    async with opened(tmp_path, clock) as store:
        async with process(store, first, clock) as one:
            id = await begin(one, clock)
            await first.hangs()
        assert first.has_stopped.is_set()
        rows = await store._database.read("SELECT attempts, lease_until FROM responses")
        assert rows == [(0, 0.0)]
        async with process(store, second, clock) as other, asyncio.timeout(30):
            assert await other.readers.ended(id)
            numbers = await log_of(store, id)
    assert numbers == list(range(len(numbers)))


async def test_readers_hear_of_another_process_by_looking(tmp_path: Path) -> None:
    clock, first = Clock(), ScriptedImages(preview(0), HANG, done())
    async with (
        opened(tmp_path, clock) as store,
        process(store, first, clock) as one,
        process(store, ScriptedImages(), clock, max_runs=0) as other,
    ):
        id = await begin(one, clock)
        await first.hangs()
        first.go()
        async with asyncio.timeout(30):
            told = [event async for event in other.readers.follow(id)]
            seen = [frame.number for frame in told if isinstance(frame, Frame)]
        assert seen == await log_of(store, id)


async def test_readers_of_what_is_deleted_are_told_so(tmp_path: Path) -> None:
    clock, first = Clock(), ScriptedImages(HANG)
    async with opened(tmp_path, clock) as store, process(store, first, clock) as one:
        id = await begin(one, clock)
        await first.hangs()
        waiting = asyncio.create_task(one.readers.ended(id))
        await store.delete("", id)
        async with asyncio.timeout(30):
            assert not await waiting
            assert [frame async for frame in one.readers.follow(id)] == []
            await first.has_stopped.wait()


async def test_what_waits_too_long_ends_without_a_place_to_run(tmp_path: Path) -> None:
    clock, images = Clock(), ScriptedImages(HANG)
    async with opened(tmp_path, clock) as store, process(store, images, clock, max_runs=0) as one:
        id = await begin(one, clock)
        clock.now += 10_000
        async with asyncio.timeout(30):
            assert await one.readers.ended(id)
        assert await store.status(id) == "failed"
    assert images.requests == []


class SlowDisk(StoredResponses):
    """Whose log takes nothing until the test lets it. has_picture: an event of one waits for it."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.lets = asyncio.Event()
        self.has_picture = asyncio.Event()

    async def append(
        self, lease: Lease, frames: Sequence[Frame], done: Mapping[int, JsonObject], spent: str
    ) -> bool:
        if any(b"image_generation_call" in frame.content for frame in frames):
            self.has_picture.set()
            await self.lets.wait()
        return await super().append(lease, frames, done, spent)


async def test_no_picture_is_ordered_before_the_disk_knows_of_it(tmp_path: Path) -> None:
    clock, images = Clock(), ScriptedImages(done())
    async with open_sqlite(tmp_path / "limner.sqlite") as database, asyncio.timeout(30):
        await upgrade(database)
        store = SlowDisk(database, Texts(Blobs(tmp_path / "blobs")), keep_s=1_000.0, clock=clock)
        async with process(store, images, clock) as background:
            id = await begin(background, clock)
            await store.has_picture.wait()
            for _ in range(100):
                await asyncio.sleep(0)
            assert images.requests == []
            store.lets.set()
            assert await background.readers.ended(id)
    assert len(images.requests) == 1
