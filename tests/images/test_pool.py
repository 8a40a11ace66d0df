"""Back ends that paint the same: who is asked, and who next."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from limner.core.circuit import Circuit
from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCapabilities,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    Size,
)
from limner.images.pool import Member, Pool, work_of
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, done, progress

CAT = ImageRequest("a cat")
FULL = ImageFailed("full", "queue_full", retryable=True, status=503, was_taken=False)
AWAY = ImageFailed("away", "image_back_end_unreachable", status=503, was_taken=False)
BROKEN = ImageFailed("lost", "image_back_end_unreachable", status=503)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pool(*backends: ScriptedImages) -> Pool:
    return Pool([Member(backend) for backend in backends])


async def ask(images: Pool, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


def asked(*backends: ScriptedImages) -> list[int]:
    return [len(backend.requests) for backend in backends]


def test_there_must_be_one() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        Pool([])


async def test_among_equals_the_first_is_asked_and_its_events_are_passed_on() -> None:
    first, second = ScriptedImages(progress(1), done()), ScriptedImages(done())
    images = pool(first, second)
    assert await ask(images) == [progress(1), done()]
    assert await ask(images) == [progress(1), done()]
    assert asked(first, second) == [2, 0]


async def test_the_one_with_the_least_work_left_is_asked() -> None:
    first, second = ScriptedImages(HANG, done()), ScriptedImages(HANG, done())
    images = pool(first, second)
    large = replace(CAT, size=Size(1024, 1024), n=2)
    small = replace(CAT, size=Size(512, 512))
    tasks = []
    for request, hanging in ((large, first), (small, second), (small, second), (large, second)):
        tasks.append(asyncio.create_task(ask(images, request)))
        await hanging.hangs()
    assert asked(first, second) == [1, 3]
    for backend in (first, second, second, second):
        backend.go()
    await asyncio.gather(*tasks)


async def test_work_becomes_less_with_every_step_that_is_told() -> None:
    first = ScriptedImages(progress(0, 0, 1), progress(7), HANG, done())
    second = ScriptedImages(progress(0), HANG, done())
    images = pool(first, second)
    tasks = []
    for hanging in (first, second, first):
        tasks.append(asyncio.create_task(ask(images)))
        await hanging.hangs()
    assert asked(first, second) == [2, 1]
    for backend in (first, second, first):
        backend.go()
    await asyncio.gather(*tasks)


async def test_whoever_leaves_takes_the_work_along() -> None:
    first, second = ScriptedImages(HANG, done()), ScriptedImages(done())
    images = pool(first, second)
    leaving = asyncio.create_task(ask(images))
    await first.hangs()
    leaving.cancel()
    await first.has_stopped.wait()
    first.go()
    assert await ask(images) == [done()]
    assert asked(first, second) == [2, 0]


async def test_one_that_took_nothing_on_passes_the_request_to_the_next() -> None:
    first, second = ScriptedImages(FULL), ScriptedImages(done())
    assert await ask(pool(first, second)) == [done()]
    assert asked(first, second) == [1, 1]


async def test_where_none_takes_it_on_the_first_says_why() -> None:
    assert await ask(pool(ScriptedImages(FULL), ScriptedImages(AWAY))) == [FULL]


async def test_what_was_taken_on_is_nobody_elses() -> None:
    first, second = ScriptedImages(progress(1), BROKEN), ScriptedImages(done())
    assert await ask(pool(first, second)) == [progress(1), BROKEN]
    assert asked(first, second) == [1, 0]


async def test_one_that_could_not_be_reached_is_asked_last_for_a_while() -> None:
    clock = Clock()
    first, second = ScriptedImages(AWAY), ScriptedImages(done())
    images = Pool([Member(first, circuit=Circuit(clock, failures=1, rest_s=15)), Member(second)])
    for now, times in ((0, 1), (1, 1), (16, 2), (17, 2)):
        clock.now = now
        assert await ask(images) == [done()]
        assert asked(first)[0] == times


async def test_all_that_rest_are_still_asked() -> None:
    clock = Clock()
    first = ScriptedImages(AWAY)
    images = Pool([Member(first, circuit=Circuit(clock, failures=1))])
    assert await ask(images) == await ask(images) == [AWAY]


async def test_one_that_is_not_ready_is_asked_last() -> None:
    is_ready = False
    first, second = ScriptedImages(done()), ScriptedImages(FULL)
    images = Pool([Member(first, lambda: is_ready), Member(second)])
    assert await ask(images) == [done()]
    assert asked(first, second) == [1, 1]
    is_ready = True
    assert await ask(images) == [done()]
    assert asked(first, second) == [2, 1]


def test_what_they_can_is_what_the_first_that_is_ready_can() -> None:
    loaded = ImageCapabilities("tiny", max_edge_px=512)
    first, second = ScriptedImages(), ScriptedImages(capabilities=loaded)
    members = [Member(first, lambda: False), Member(second)]
    assert Pool(members).capabilities == loaded
    assert Pool(members[:1]).capabilities == first.capabilities


@pytest.mark.parametrize(
    ("request_", "can", "work"),
    [
        (CAT, ImageCapabilities("x"), 8 * 4096),
        (CAT, ImageCapabilities("x", native_size=Size(256, 128)), 8 * 128),
        (replace(CAT, size=Size(64, 32), steps=4, n=3), ImageCapabilities("x"), 4 * 3 * 8),
        (replace(CAT, images=(picture(32, 16),)), ImageCapabilities("x"), 8 * 2),
    ],
)
def test_work_is_pictures_times_steps_times_tokens(
    request_: ImageRequest, can: ImageCapabilities, work: float
) -> None:
    assert work_of(request_, can) == work
