"""The whole engine over a real, random pipeline: events, order, cancelling, failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Size,
)
from limner.core.readiness import Readiness
from limner.engine.loading import open_model
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler
from limner.engine.zimage.denoise import Denoiser

pytestmark = pytest.mark.engine
ASKED = ImageRequest("a red circle", seed=5)


@asynccontextmanager
async def painting(
    loaded: Any, on_failed: Callable[[], None] = lambda: None, **limits: int
) -> AsyncIterator[Painter]:
    def note(readiness: Readiness) -> None:
        if readiness.state == "failed":
            on_failed()

    painter = Painter(
        lambda progress: open_model(loaded),
        name="random",
        scheduler=Scheduler(**limits),
        fresh_seed=iter(range(1000, 2000)).__next__,
        on_readiness=note,
    )
    await painter.start()
    try:
        yield painter
    finally:
        await painter.close()


@pytest.fixture
async def painter(loaded: Any) -> AsyncIterator[Painter]:
    async with painting(loaded) as ready:
        yield ready


async def drained(painter: Painter, request: ImageRequest = ASKED) -> list[ImageEvent]:
    return [event async for event in painter.generate(request)]


def only(events: list[ImageEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def until_progress(events: AsyncGenerator[ImageEvent, None], step: int) -> None:
    async for event in events:
        if isinstance(event, ImageProgress) and event.step >= step:
            return


def pixels(image: ImageData) -> Any:
    return np.asarray(Image.open(BytesIO(image.content))).astype(int)


async def test_a_request_ends_with_its_picture(painter: Painter) -> None:
    events = await drained(painter)
    *before, last = events
    assert isinstance(last, ImageCompleted)
    assert last.resolved.size == Size(64, 64)
    assert (last.resolved.seed, last.resolved.steps, last.resolved.model) == (5, 8, "random")
    assert last.usage == ImageUsage(input_text_tokens=5, output_tokens=16)
    assert pixels(last.image).std() > 1
    assert all(isinstance(event, ImageProgress) for event in before)
    steps = [event.step for event in only(events, ImageProgress)]
    assert steps == sorted(set(steps))
    assert {event.steps for event in only(events, ImageProgress)} == {8}


async def test_previews_come_in_order_before_the_picture(painter: Painter) -> None:
    events = await drained(painter, ImageRequest("a red circle", seed=5, partial_images=3))
    previews = only(events, PartialImage)
    assert [preview.index for preview in previews] == [0, 1, 2]
    assert isinstance(events[-1], ImageCompleted)
    final = pixels(events[-1].image)
    away = [np.abs(pixels(preview.image) - final).mean() for preview in previews]
    assert all(later < earlier for earlier, later in pairwise(away)), "each is nearer to the end"
    assert away[-1] > 0, "a preview is not the finished picture"


async def test_a_seed_paints_the_same_picture_alone_in_a_batch_and_as_one_of_several(
    loaded: Any,
) -> None:
    async with painting(loaded, max_concurrent=3) as painter:
        alone = (await drained(painter))[-1]
        company = ImageRequest("the blue square", n=2, seed=8)
        together, _ = await asyncio.gather(drained(painter), drained(painter, company))
        several = await drained(painter, ImageRequest("a red circle", seed=4, n=2))
    assert isinstance(alone, ImageCompleted)
    shared = only(together, ImageCompleted)[0]
    second = next(p for p in only(several, ImageCompleted) if p.resolved.seed == 5)
    assert np.abs(pixels(alone.image) - pixels(shared.image)).max() <= 1
    assert np.abs(pixels(alone.image) - pixels(second.image)).max() <= 1


async def test_several_pictures_are_told_apart_and_only_the_last_has_usage(
    painter: Painter,
) -> None:
    events = await drained(painter, ImageRequest("a red circle", n=3))
    done = only(events, ImageCompleted)
    assert sorted(picture.picture for picture in done) == [0, 1, 2]
    assert [picture.resolved.seed for picture in done] == [1000, 1001, 1002]
    assert len({picture.image.content for picture in done}) == 3
    assert [picture.usage for picture in done[:-1]] == [None, None]
    assert done[-1].usage == ImageUsage(input_text_tokens=5, output_tokens=48)
    assert only(events, ImageProgress)[-1].steps == 24


async def test_other_sizes_and_formats_arrive_as_asked(painter: Painter) -> None:
    request = ImageRequest(
        "a", size=Size(300, 150), output_format="jpeg", output_compression=80, partial_images=1
    )
    events = await drained(painter, request)
    for event in (*only(events, PartialImage), *only(events, ImageCompleted)):
        image = Image.open(BytesIO(event.image.content))
        assert (image.format, image.size) == ("JPEG", (300, 150))
        assert event.resolved.size == Size(300, 150)
        assert "painted at 96x48" in event.resolved.adjustments[0]


async def test_a_prompt_cut_short_is_an_adjustment(painter: Painter) -> None:
    events = await drained(painter, ImageRequest("red " * 600))
    done = only(events, ImageCompleted)[0]
    assert any("90 of its tokens" in said for said in done.resolved.adjustments)


async def test_refused_options_fail_before_anything_is_queued(painter: Painter) -> None:
    (failed,) = await drained(painter, ImageRequest("a", background="transparent"))
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.status, failed.param) == ("not_supported", 400, "background")
    assert painter.stats.steps == 0


async def test_requests_beyond_the_queue_are_refused_and_the_rest_are_all_painted(
    loaded: Any,
) -> None:
    async with painting(loaded, max_concurrent=1, queue_limit=3) as painter:
        results = await asyncio.gather(*(drained(painter) for _ in range(6)))
        stats = painter.stats
    last = [events[-1] for events in results]
    assert len(only(last, ImageCompleted)) == 4
    for failed in only(last, ImageFailed):
        assert (failed.code, failed.status, failed.retryable) == ("queue_full", 503, True)
        assert failed.retry_after_s >= 1
    assert (stats.pictures, stats.steps, stats.running, stats.queued) == (4, 32, 0, 0)


async def test_waiting_requests_are_told_their_place_and_it_only_falls(loaded: Any) -> None:
    async with painting(loaded) as painter:
        results = await asyncio.gather(*(drained(painter) for _ in range(3)))
    for place, events in enumerate(results):
        told = [p.queue_position for p in only(events, ImageProgress) if p.queue_position]
        assert told == list(range(place, 0, -1))


async def test_closing_stops_the_model_at_the_step_under_way(painter: Painter) -> None:
    events = painter.generate(ImageRequest("a red circle", steps=50))
    await until_progress(events, 2)
    before = painter.stats.steps
    await events.aclose()
    assert painter.stats.idle
    assert painter.stats.steps <= before + 1
    after = painter.stats.steps
    assert isinstance((await drained(painter))[-1], ImageCompleted)
    assert painter.stats.steps == after + 8


async def test_cancelling_the_reader_stops_the_model_too(painter: Painter) -> None:
    async def read() -> None:
        async for event in painter.generate(ImageRequest("a", steps=50)):
            if isinstance(event, ImageProgress) and event.step >= 2:
                started.set()

    started = asyncio.Event()
    reader = asyncio.create_task(read())
    await started.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert painter.stats.idle
    assert painter.stats.steps < 50


async def test_a_request_that_waits_can_leave_and_the_others_move_up(loaded: Any) -> None:
    async with painting(loaded) as painter:
        first = painter.generate(ASKED)
        await anext(first)
        leaving = painter.generate(ASKED)
        assert await anext(leaving) == ImageProgress(0, 8, queue_position=1)
        last = asyncio.create_task(drained(painter))
        await leaving.aclose()
        rest = [event async for event in first]
        assert isinstance(rest[-1], ImageCompleted)
        assert isinstance((await last)[-1], ImageCompleted)
        assert painter.stats.steps == 16


async def test_twenty_requests_at_once_are_all_painted(loaded: Any) -> None:
    async with painting(loaded, max_concurrent=4, queue_limit=20) as painter:
        requests = [ImageRequest("a red circle", seed=seed) for seed in range(20)]
        results = await asyncio.gather(*(drained(painter, request) for request in requests))
    done = [events[-1] for events in results]
    assert [event.resolved.seed for event in only(done, ImageCompleted)] == list(range(20))


async def test_a_reader_who_never_reads_holds_nobody_up(loaded: Any) -> None:
    async with painting(loaded, max_concurrent=2) as painter:
        idler = painter.generate(ImageRequest("a", partial_images=3))
        await anext(idler)
        for _ in range(3):
            assert isinstance((await drained(painter))[-1], ImageCompleted)
        rest = [event async for event in idler]
    assert isinstance(rest[-1], ImageCompleted)
    assert not only(rest, PartialImage), "previews of a finished picture are stale"


def failing(monkeypatch: pytest.MonkeyPatch, fail: Callable[[Any], None]) -> None:
    """Let `fail` look at the canvases before every step."""
    step = Denoiser.step

    def watched(model: Denoiser, batch: Any) -> list[bool]:
        fail(batch)
        return step(model, batch)

    monkeypatch.setattr(Denoiser, "step", watched)


async def test_an_exception_fails_the_requests_in_its_tick_and_no_others(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(batch: Any) -> None:
        if batch[0].caption.tokens == 7:
            raise RuntimeError("a kernel broke")

    failing(monkeypatch, fail)
    async with painting(loaded, max_concurrent=2) as painter:
        bad = ImageRequest("a red circle on blue", size=Size(128, 64))
        good, failed = await asyncio.gather(drained(painter), drained(painter, bad))
        assert isinstance(good[-1], ImageCompleted)
        assert isinstance(failed[-1], ImageFailed)
        assert (failed[-1].code, failed[-1].status) == ("server_error", 500)
        assert "kernel" not in failed[-1].message
        assert "a kernel broke" in caplog.text
        assert painter.stats.idle


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_too_little_memory_is_a_typed_failure(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with painting(loaded) as painter:
        with monkeypatch.context() as patch:

            def fail(batch: Any) -> None:
                raise error

            failing(patch, fail)
            failed = (await drained(painter))[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.code, failed.status, failed.retryable) == ("out_of_memory", 503, True)
        assert failed.param == "size"
        assert isinstance((await drained(painter))[-1], ImageCompleted)


async def test_a_lost_device_fails_its_picture_by_name_and_ends_the_engine(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(batch: Any) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    ended = asyncio.Event()
    async with painting(loaded, ended.set) as painter:
        failing(monkeypatch, fail)
        failed = (await drained(painter))[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.code, failed.status, failed.retryable) == ("engine_crashed", 503, True)
        async with asyncio.timeout(10):
            await ended.wait()  # the studio ends behind what it tells


async def test_calls_of_the_model_are_timed_from_the_first_picture_on(loaded: Any) -> None:
    async with painting(loaded) as painter:
        warmed = painter.stats.slowest_call_s
        assert warmed > 0
        assert painter.stats.call_s == 0
        events = painter.generate(ASKED)
        await anext(events)
        assert painter.stats.call_s >= 0
        await events.aclose()


async def test_a_model_that_leaves_no_room_for_a_picture_names_the_flags_that_help(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(batch: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    failing(monkeypatch, fail)
    painter = Painter(
        lambda progress: open_model(loaded), name="x", scheduler=Scheduler(), fresh_seed=lambda: 0
    )
    with pytest.raises(ConfigError, match="leaves no memory of cpu for a picture of 64x64"):
        await painter.start()
    assert "--dtype bfloat16" in painter.readiness.message
    await painter.close()


async def test_numbers_out_of_range_are_a_failure_and_not_a_black_picture(
    loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poison(batch: Any) -> None:
        batch[0].latents[:] = float("nan")

    async with painting(loaded) as painter:
        with monkeypatch.context() as patch:
            failing(patch, poison)
            failed = (await drained(painter))[-1]
        assert isinstance(failed, ImageFailed)
        assert "float type" in failed.message
        assert isinstance((await drained(painter))[-1], ImageCompleted)


async def test_a_mistake_of_ours_ends_all_requests_instead_of_leaving_them_to_wait(
    loaded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Scheduler[Any]):
        def next_tick(self) -> Any:
            raise AssertionError("a mistake")

    def note(readiness: Readiness) -> None:
        if readiness.state == "failed":
            noticed.set()

    noticed = asyncio.Event()
    painter = Painter(
        lambda _: open_model(loaded),
        name="x",
        scheduler=Broken(),
        fresh_seed=lambda: 0,
        on_readiness=note,
    )
    await painter.start()
    for _ in range(2):
        failed = (await drained(painter))[-1]
        assert isinstance(failed, ImageFailed)
        assert failed.code == "engine_stopped"
    await noticed.wait()
    assert "a mistake" in caplog.text
    await painter.close()


async def test_closing_the_engine_fails_what_is_unfinished(loaded: Any) -> None:
    async with painting(loaded) as painter:
        running, waiting = (
            asyncio.create_task(drained(painter, ImageRequest("a", steps=50))) for _ in range(2)
        )
        events = painter.generate(ASKED)
        await anext(events)
    for task in (running, waiting):
        failed = (await task)[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.code, failed.status, failed.retryable) == ("engine_stopped", 503, True)
    await events.aclose()
    (failed,) = await drained(painter)
    assert isinstance(failed, ImageFailed)
    assert failed.code == "engine_stopped"
    assert painter.readiness.state == "failed"


async def test_readiness_rises_while_the_model_loads_and_requests_are_told(loaded: Any) -> None:
    told: list[Readiness] = []

    def load(progress: Callable[[float, str], None]) -> Any:
        progress(0.5, "half way")
        return open_model(loaded)

    painter = Painter(
        load,
        name="random",
        scheduler=Scheduler(),
        fresh_seed=lambda: 0,
        on_readiness=told.append,
    )
    (failed,) = await drained(painter)
    assert isinstance(failed, ImageFailed)
    assert (failed.code, failed.status, failed.retryable) == ("model_loading", 503, True)
    loading = painter.capabilities
    assert (loading.name, loading.edits) == ("random", True)
    assert (loading.sizes, loading.native_size) == (None, None)
    assert painter.stats.idle
    await painter.start()
    assert painter.capabilities.max_n == 10
    await painter.close()
    assert [(r.state, r.progress) for r in told] == [
        ("loading", 0.45),
        ("loading", 0.9),
        ("ready", 1.0),
        ("failed", None),
    ]


async def test_a_model_that_cannot_be_loaded_says_so(loaded: Any) -> None:
    def load(progress: Callable[[float, str], None]) -> Any:
        raise ConfigError("there is no such folder")

    painter = Painter(load, name="x", scheduler=Scheduler(), fresh_seed=lambda: 0)
    with pytest.raises(ConfigError):
        await painter.start()
    assert painter.readiness.state == "failed"
    assert "no such folder" in painter.readiness.message
    (failed,) = await drained(painter)
    assert isinstance(failed, ImageFailed)
    assert "no such folder" in failed.message
    await painter.close()
