"""The queue before a scripted back end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    Priority,
)
from limner.core.queue import QueueState
from limner.gateway.queue import FIRST_GUESS_S, QueuedBackend
from tests.scripted_images import HANG, ScriptedImages, done, progress

FAILED = ImageFailed("out of memory")


class Clock:
    """Tells the time that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked(client: str = "", n: int = 1, priority: Priority = "interactive") -> ImageRequest:
    return ImageRequest(f"a cat of {client}", n=n, client=client, priority=priority)


class Asker:
    """A client's request, under way in a task."""

    def __init__(
        self, queue: QueuedBackend, client: str = "", priority: Priority = "interactive"
    ) -> None:
        self.events: list[ImageEvent] = []
        self.task = asyncio.create_task(self._ask(queue, asked(client, priority=priority)))

    async def _ask(self, queue: QueuedBackend, request: ImageRequest) -> None:
        async with aclosing(queue.generate(request)) as events:
            async for event in events:
                self.events.append(event)

    @property
    def positions(self) -> list[int | None]:
        return [event.queue_position for event in self.events if isinstance(event, ImageProgress)]

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_comes_to_a_free_back_end_does_not_wait() -> None:
    queue = QueuedBackend(ScriptedImages(progress(3), done()), max_waiting=1)
    events = [event async for event in queue.generate(asked())]
    assert events == [progress(3), done()]
    assert queue.waiting == 0


async def test_clients_take_turns_and_are_told_their_places() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend)
    first = Asker(queue, "ann")
    await backend.hangs()
    others = [Asker(queue, client) for client in ("ann", "ann", "bob")]
    await settled()
    assert [asker.positions for asker in others] == [[1], [2, 3], [2]]
    for _ in others:
        backend.go()
        await backend.hangs()
    backend.go()
    await asyncio.gather(first.task, *(asker.task for asker in others))
    assert [request.client for request in backend.requests] == ["ann", "ann", "bob", "ann"]
    assert backend.most_running == 1
    assert all(isinstance(asker.events[-1], ImageCompleted) for asker in (first, *others))


async def test_as_many_are_painted_at_a_time_as_may_be() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_concurrent=2)
    askers = [Asker(queue) for _ in range(5)]
    for _ in range(2):
        await backend.hangs()
    assert queue.waiting == 3
    for _ in askers:
        backend.go()
    await asyncio.gather(*(asker.task for asker in askers))
    assert backend.most_running == 2


async def test_a_full_queue_refuses_with_the_time_that_was_measured() -> None:
    clock, backend = Clock(), ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_waiting=1, clock=clock)
    first = Asker(queue)
    await backend.hangs()
    second = Asker(queue)
    await settled()
    [refused] = [event async for event in queue.generate(asked())]
    assert isinstance(refused, ImageFailed)
    assert (refused.code, refused.status, refused.was_taken) == ("queue_full", 503, False)
    assert refused.retry_after_s == FIRST_GUESS_S
    clock.now += 30
    backend.go()
    await first.task
    await backend.hangs()
    third = Asker(queue)
    await settled()
    clock.now += 10
    [refused] = [event async for event in queue.generate(asked())]
    assert isinstance(refused, ImageFailed)
    assert refused.retry_after_s == 20
    await second.leave()
    await third.leave()
    assert (queue.waiting, backend.running) == (0, 0)


async def test_one_key_may_have_so_many_waiting_while_others_still_come_in() -> None:
    clock, backend = Clock(), ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_waiting=9, max_waiting_of_client=2, clock=clock)
    clock.now, first = 0.0, Asker(queue, "ann")
    await backend.hangs()
    clock.now = 8.0
    backend.go()
    await first.task
    askers = [Asker(queue, "ann") for _ in range(3)]
    await backend.hangs()
    [refused] = [event async for event in queue.generate(asked("ann"))]
    assert isinstance(refused, ImageFailed)
    assert (refused.code, refused.status) == ("rate_limit_exceeded", 429)
    assert (refused.type, refused.retry_after_s) == ("rate_limit_error", 8.0)
    bob = Asker(queue, "bob")
    await settled()
    assert bob.positions == [2]
    for asker in (*askers, bob):
        await asker.leave()


async def test_the_time_that_is_left_comes_from_what_was_measured() -> None:
    clock, backend = Clock(), ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, clock=clock)
    first = Asker(queue)
    await backend.hangs()
    second = Asker(queue)
    await settled()
    assert second.events == [ImageProgress(0, 0, 1, None)]
    clock.now += 10
    backend.go()
    await first.task
    await backend.hangs()
    clock.now += 4
    third, fourth = Asker(queue), Asker(queue)
    await settled()
    assert third.events == [ImageProgress(0, 0, 1, 16.0)]
    assert fourth.events == [ImageProgress(0, 0, 2, 26.0)]
    for asker in (second, third, fourth):
        await asker.leave()


async def test_the_steps_of_a_picture_tell_when_it_will_be_done() -> None:
    clock = Clock()
    backend = ScriptedImages(progress(1), HANG, progress(3), HANG, progress(8), done())
    queue = QueuedBackend(backend, clock=clock)
    asker = Asker(queue)
    for _ in range(2):
        await backend.hangs()
        clock.now += 5
        backend.go()
    await asker.task
    assert [event.eta_s for event in asker.events if isinstance(event, ImageProgress)] == [
        None,
        12.5,
        0.0,
    ]


async def test_loading_before_the_first_step_says_nothing_of_the_pace() -> None:
    clock = Clock()
    backend = ScriptedImages(HANG, progress(0), HANG, done())
    queue = QueuedBackend(backend, clock=clock)
    first = Asker(queue)
    for seconds in (600, 8):
        await backend.hangs()
        clock.now += seconds
        backend.go()
    await first.task
    second = Asker(queue)
    await backend.hangs()
    third = Asker(queue)
    await settled()
    assert third.events == [ImageProgress(0, 0, 1, 16.0)]
    for asker in (second, third):
        await asker.leave()


async def test_what_failed_says_nothing_of_the_pace() -> None:
    clock, backend = Clock(), ScriptedImages(HANG, FAILED)
    queue = QueuedBackend(backend, max_waiting=1, clock=clock)
    first = Asker(queue)
    await backend.hangs()
    clock.now += 100
    backend.go()
    await first.task
    second = Asker(queue)
    await backend.hangs()
    third = Asker(queue)
    await settled()
    assert third.events == [ImageProgress(0, 0, 1, None)]
    await second.leave()
    await third.leave()


async def test_who_leaves_gives_the_place_to_the_next() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend)
    askers = [Asker(queue) for _ in range(3)]
    await backend.hangs()
    await askers[1].leave()
    await settled()
    assert askers[2].positions == [2, 1]
    await askers[0].leave()
    await backend.hangs()
    backend.go()
    await askers[2].task
    assert isinstance(askers[2].events[-1], ImageCompleted)


async def test_what_was_accepted_before_waits_however_long_the_queue_is() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_waiting=1)
    places = [queue.enter(asked("ann"), is_owed=True) for _ in range(4)]
    assert not any(isinstance(place, ImageFailed) for place in places)
    assert queue.waiting == 3
    assert isinstance(queue.enter(asked("bob")), ImageFailed)


async def test_everyone_sees_their_own_places_and_how_many_there_are() -> None:
    clock, backend = Clock(), ScriptedImages(progress(2), HANG, progress(3), HANG, done())
    queue = QueuedBackend(backend, clock=clock)
    assert queue.state("ann") == QueueState((), 0, 0)
    first = Asker(queue, "ann")
    await backend.hangs()
    clock.now += 3
    others = [Asker(queue, client) for client in ("bob", "ann")]
    await settled()
    clock.now += 2
    news = queue.news
    backend.go()
    await backend.hangs()
    assert news.is_set()
    mine, bobs = queue.state("ann"), queue.state("bob")
    assert (mine.waiting, mine.running) == (bobs.waiting, bobs.running) == (2, 1)
    assert [(place.position, place.age_s) for place in mine.mine] == [(None, 5.0), (2, 2.0)]
    assert (mine.mine[0].step, mine.mine[0].steps, mine.mine[0].eta_s) == (3, 8, 25.0)
    assert [(place.position, place.prompt) for place in bobs.mine] == [(1, "a cat of bob")]
    news = queue.news
    for asker in (*others, first):
        await asker.leave()
    assert news.is_set()
    assert queue.state("ann") == QueueState((), 0, 0)


async def test_a_place_says_which_response_or_job_it_is_for() -> None:
    queue = QueuedBackend(ScriptedImages(done()))
    queue.enter(replace(asked("ann"), response_id="resp_1"))
    queue.enter(asked("ann"), job_id="ab")
    wanted = [(place.response_id, place.job_id) for place in queue.state("ann").mine]
    assert wanted == [("resp_1", ""), ("", "ab")]


async def test_what_nobody_waits_for_lets_others_pass() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend)
    first = Asker(queue)
    await backend.hangs()
    slow = Asker(queue, "ann", "background")
    await settled()
    quick = Asker(queue, "bob")
    await settled()
    assert (slow.positions, quick.positions) == ([1, 2], [1])
    for _ in range(2):
        backend.go()
        await backend.hangs()
    backend.go()
    await asyncio.gather(first.task, slow.task, quick.task)
    assert [request.client for request in backend.requests] == ["", "bob", "ann"]


async def test_whom_the_back_end_lets_wait_stands_before_those_who_wait_here() -> None:
    clock = Clock()
    held = ImageProgress(0, 8, queue_position=1)
    backend = ScriptedImages(held, HANG, progress(0), HANG, done())
    queue = QueuedBackend(backend, clock=clock)
    first = Asker(queue, "ann")
    await backend.hangs()
    second = Asker(queue, "ann")
    await settled()
    assert second.positions == [2]
    state = queue.state("ann")
    assert [place.position for place in state.mine] == [1, 2]
    assert (state.waiting, state.running) == (2, 0)
    clock.now += 4
    backend.go()
    await backend.hangs()
    assert second.positions == [2, 1]
    assert [place.position for place in queue.state("ann").mine] == [None, 1]
    clock.now += 6
    backend.go()
    await first.task
    assert first.positions == [1, None]
    await backend.hangs()
    third = Asker(queue, "ann")
    await settled()
    # A picture takes ten seconds with its wait, and ends six after the one before it began.
    assert queue.state("ann").mine[0].eta_s == 10.0
    assert third.events == [ImageProgress(0, 0, 2, 16.0)]
    for asker in (second, third):
        await asker.leave()


async def test_a_place_is_kept_for_whoever_comes_to_wait() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_concurrent=2)
    slow = [Asker(queue, "ann", "background") for _ in range(2)]
    await backend.hangs()
    await settled()
    assert slow[1].positions == [1]
    quick = Asker(queue, "bob")
    await backend.hangs()
    assert (quick.positions, backend.running) == ([], 2)
    for asker in (*slow, quick):
        await asker.leave()


async def test_what_is_painted_alone_waits_for_the_rest_and_lets_nobody_in() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_concurrent=3)
    other = Asker(queue)
    await backend.hangs()
    suspects = [queue.enter(asked()), queue.enter(asked())]
    alone: list[int] = []

    async def paint(number: int) -> None:
        place = suspects[number]
        assert not isinstance(place, ImageFailed)
        async with queue.alone(place):
            alone.append(number)
            await asyncio.sleep(0)
        queue.leave(place)

    painting = [asyncio.create_task(paint(number)) for number in range(2)]
    await settled()
    late = Asker(queue)
    await settled()
    assert (alone, late.positions) == ([], [1])
    backend.go()
    await other.task
    await asyncio.gather(*painting)
    assert alone == [0, 1]
    await backend.hangs()
    backend.go()
    await late.task


async def test_who_stops_waiting_to_be_alone_holds_nobody_up() -> None:
    backend = ScriptedImages(HANG, done())
    queue = QueuedBackend(backend, max_concurrent=2)
    first = Asker(queue)
    await backend.hangs()
    place = queue.enter(asked())
    assert not isinstance(place, ImageFailed)

    async def paint() -> None:
        async with queue.alone(place):
            raise AssertionError("it never was alone")

    painting = asyncio.create_task(paint())
    await settled()
    painting.cancel()
    await asyncio.wait([painting])
    queue.leave(place)
    second = Asker(queue)
    await backend.hangs()
    assert backend.running == 2
    for asker in (first, second):
        await asker.leave()
