"""Requests that come before the engine is ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    Resolved,
)
from limner.core.readiness import Readiness
from limner.gateway.waiting import WaitingBackend

PICTURE = ImageCompleted(ImageData(b"png", "png"), Resolved())
A_CAT = ImageRequest("a cat")
AWAY = ImageFailed("gone", "engine_crashed", status=503, was_taken=False)


class Painted:
    """A back end that is always done at once."""

    capabilities = ImageCapabilities("inner")

    def __init__(self) -> None:
        self.is_closed = False

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        try:
            yield PICTURE
        finally:
            self.is_closed = True


class Engine:
    """Settles when told to."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Readiness] = asyncio.get_running_loop().create_future()

    async def settled(self) -> Readiness:
        return await asyncio.shield(self.told)


async def events_of(backend: WaitingBackend) -> list[ImageEvent]:
    return [event async for event in backend.generate(A_CAT)]


async def test_requests_wait_until_the_engine_is_ready() -> None:
    engine = Engine()
    backend = WaitingBackend(Painted(), engine.settled, queue_limit=2)
    assert backend.capabilities.name == "inner"
    waiting = [asyncio.create_task(events_of(backend)) for _ in range(2)]
    await asyncio.sleep(0)
    (refused,) = await events_of(backend)
    assert isinstance(refused, ImageFailed)
    assert (refused.code, refused.status, refused.retryable) == ("queue_full", 503, True)
    engine.told.set_result(Readiness("ready", "painting"))
    assert await asyncio.gather(*waiting) == [[PICTURE], [PICTURE]]


async def test_a_loaded_engine_says_what_its_model_can() -> None:
    loaded: list[ImageCapabilities] = []
    backend = WaitingBackend(
        Painted(), Engine().settled, queue_limit=1, loaded=lambda: loaded[0] if loaded else None
    )
    assert backend.capabilities == ImageCapabilities("inner")
    of_the_model: dict[str, Any] = {"edits": True, "mask": True, "max_images": 4, "loras": ("ink",)}
    loaded.append(ImageCapabilities("other", min_edge_px=64, max_n=3, **of_the_model))
    assert backend.capabilities == ImageCapabilities("inner", min_edge_px=64, **of_the_model)


async def test_when_loading_fails_they_fail_by_name_and_may_be_repeated() -> None:
    engine = Engine()
    engine.told.set_result(Readiness("failed", "out of memory"))
    (failed,) = await events_of(WaitingBackend(Painted(), engine.settled, queue_limit=1))
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.status, failed.retryable) == ("model_loading", 503, True)
    assert "out of memory" in failed.message


async def test_nobody_waits_for_ever() -> None:
    backend = WaitingBackend(Painted(), Engine().settled, queue_limit=1, wait_s=0)
    for _ in range(2):
        (failed,) = await events_of(backend)
        assert isinstance(failed, ImageFailed)
        assert "still loading" in failed.message


async def test_closing_closes_the_picture_under_way() -> None:
    engine, painted = Engine(), Painted()
    engine.told.set_result(Readiness("ready", "painting"))
    events = WaitingBackend(painted, engine.settled, queue_limit=1).generate(A_CAT)
    assert await anext(events) == PICTURE
    await events.aclose()
    assert painted.is_closed


class Dying(Painted):
    """Goes away without a word so many times, then paints."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self.times -= 1
        yield AWAY if self.times >= 0 else PICTURE


@pytest.mark.parametrize(("times", "last"), [(0, PICTURE), (1, PICTURE), (2, AWAY)])
async def test_one_that_went_away_is_waited_for_once_more(times: int, last: ImageEvent) -> None:
    engine = Engine()
    engine.told.set_result(Readiness("ready", "", 1.0))
    backend = WaitingBackend(Dying(times), engine.settled, queue_limit=1)
    assert await events_of(backend) == [last]
