"""The loop over a model that does as told: who shares a pass, what is decoded, what is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.engine import decoding
from limner.engine.group import Group
from limner.engine.model import ModelFacts
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler
from tests.engine.scripted_model import BlankCanvas, ScriptedModel

FACTS = ModelFacts("scripted", Size(64, 64), steps=4, min_edge_px=64)
TOKENS = Group(64, 64, 32, guided=False).tokens


@pytest.fixture(autouse=True)
def _spare_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode beside the steps on any machine."""
    monkeypatch.setattr(decoding, "physical_cores", lambda: 1000)


@asynccontextmanager
async def painting(
    model: ScriptedModel, *, rows: int = 16, **limits: Any
) -> AsyncIterator[Painter]:
    scheduler: Scheduler[Any] = Scheduler(max_concurrent=16, token_budget=rows * TOKENS)
    painter = Painter(
        lambda _: model, name="scripted", scheduler=scheduler, fresh_seed=lambda: 0, **limits
    )
    await painter.start()
    try:
        yield painter
    finally:
        await painter.close()


def asked(prompt: str = "a", **options: Any) -> ImageRequest:
    return ImageRequest(prompt, **options)


async def drained(painter: Painter, request: ImageRequest) -> list[ImageEvent]:
    return [event async for event in painter.generate(request)]


class Gate:
    """Holds a worker's thread until it is opened."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def __call__(self, _: object) -> None:
        self._reached.set()
        assert self._open.wait(30), "the test never opened the gate"

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 30)

    def open(self) -> None:
        self._open.set()


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  threads set it
            await asyncio.sleep(0.001)


async def test_requests_that_come_together_share_their_passes() -> None:
    model = ScriptedModel(FACTS)
    async with painting(model) as painter:
        results = await asyncio.gather(*(drained(painter, asked(str(k))) for k in range(4)))
    assert all(isinstance(events[-1], ImageCompleted) for events in results)
    assert [len(batch) for batch in model.steps] == [4, 4, 4, 4]


async def test_a_pipeline_that_takes_one_row_at_a_time_still_lets_small_requests_pass() -> None:
    model = ScriptedModel(FACTS, alone=True)
    gate = Gate()
    model.before_step = gate
    async with painting(model) as painter:
        large = asyncio.create_task(drained(painter, asked("large", size=Size(512, 512), n=2)))
        await gate.reached()
        small = asyncio.create_task(drained(painter, asked("small")))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(large, small)
    assert [len(batch) for batch in model.steps] == [1] * 12
    assert [batch[0][0] for batch in model.steps[:5]] == ["large", *["small"] * 4]


async def test_pictures_are_decoded_while_further_steps_are_taken() -> None:
    gate = Gate()
    model = ScriptedModel(FACTS, before_pixels=gate)
    async with painting(model) as painter:
        first = asyncio.create_task(drained(painter, asked("first")))
        await gate.reached()
        second = asyncio.create_task(drained(painter, asked("second")))
        await until(lambda: len(model.steps) == 8)
        assert model.decoded == []
        assert not painter.stats.idle
        gate.open()
        for task in (first, second):
            assert isinstance((await task)[-1], ImageCompleted)
        await until(lambda: painter.stats.idle)
    assert model.decoders == {"limner-decode"}


async def test_a_model_that_cannot_is_decoded_between_two_steps() -> None:
    model = ScriptedModel(FACTS, decodes_beside=False)
    async with painting(model) as painter:
        events = await drained(painter, asked(partial_images=2))
    assert [type(event) for event in events if not isinstance(event, ImageProgress)] == [
        PartialImage,
        PartialImage,
        ImageCompleted,
    ]
    assert model.decoders == {"limner-model"}


async def test_stale_previews_are_dropped_before_they_are_decoded() -> None:
    """On a GPU; see the next for a CPU."""
    gate = Gate()
    model = ScriptedModel(ModelFacts("x", Size(64, 64), steps=8), "mps", before_pixels=gate)
    async with painting(model) as painter:
        task = asyncio.create_task(drained(painter, asked(partial_images=3)))
        await gate.reached()
        await until(lambda: len(model.steps) == 8)
        gate.open()
        events = await task
    assert model.decoded == [("a", 2), ("a", 8)]
    assert isinstance(events[-1], ImageCompleted)


async def test_on_a_cpu_steps_wait_for_a_preview() -> None:
    gate = Gate()
    model = ScriptedModel(ModelFacts("x", Size(64, 64), steps=8), before_pixels=gate)
    async with painting(model) as painter:
        task = asyncio.create_task(drained(painter, asked(partial_images=3)))
        await gate.reached()
        await until(lambda: len(model.steps) == 4)
        gate.open()
        events = await task
    assert model.decoded == [("a", 2), ("a", 4), ("a", 6), ("a", 8)]
    assert sum(isinstance(event, PartialImage) for event in events) == 3


async def test_finished_pictures_are_never_dropped_and_few_wait() -> None:
    gate = Gate()
    model = ScriptedModel(FACTS, before_pixels=gate)
    async with painting(model, rows=1) as painter:
        task = asyncio.create_task(drained(painter, asked(n=10)))
        await gate.reached()
        finished = 1 + decoding.MAX_WAITING
        await until(lambda: len(model.steps) == 4 * finished)
        await asyncio.sleep(0.05)
        assert len(model.steps) == 4 * finished, "no further step is taken"
        gate.open()
        events = await task
    assert sum(isinstance(event, ImageCompleted) for event in events) == 10


async def test_who_leaves_waits_for_what_touches_the_picture() -> None:
    gate = Gate()
    model = ScriptedModel(FACTS, before_pixels=gate)
    async with painting(model) as painter:
        events = painter.generate(asked())
        reading = asyncio.create_task(anext(events))
        await gate.reached()
        await reading
        leaving = asyncio.create_task(events.aclose())
        await asyncio.sleep(0.05)
        assert not leaving.done()
        gate.open()
        await leaving
        assert model.decoded == [("a", 4)]


async def test_a_picture_that_nobody_waits_for_is_not_decoded() -> None:
    gate = Gate()
    model = ScriptedModel(FACTS, before_pixels=gate)
    async with painting(model) as painter:
        kept = asyncio.create_task(drained(painter, asked("kept")))
        await gate.reached()
        left = painter.generate(asked("left"))
        await anext(left)
        await until(lambda: len(model.steps) == 8)
        await left.aclose()
        gate.open()
        assert isinstance((await kept)[-1], ImageCompleted)
    assert model.decoded == [("kept", 4)]


async def test_what_breaks_a_decoding_fails_its_own_request_only() -> None:
    def fail(canvas: BlankCanvas) -> None:
        if canvas.prompt == "bad":
            raise RuntimeError("a kernel broke")

    model = ScriptedModel(FACTS, before_pixels=fail)
    async with painting(model) as painter:
        good, bad = await asyncio.gather(
            drained(painter, asked("good")), drained(painter, asked("bad", n=2))
        )
    assert isinstance(good[-1], ImageCompleted)
    assert isinstance(bad[-1], ImageFailed)
    assert bad[-1].code == "server_error"


async def test_a_pass_that_does_not_fit_is_made_with_half_the_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(batch: Sequence[BlankCanvas]) -> None:
        if len(batch) > 2:
            raise MemoryError

    model = ScriptedModel(FACTS, before_step=fail)
    async with painting(model) as painter:
        results = await asyncio.gather(*(drained(painter, asked(str(k))) for k in range(6)))
        assert painter.stats.token_budget == 1 * TOKENS
    assert all(isinstance(events[-1], ImageCompleted) for events in results)
    assert caplog.text.count("a pass did not fit into memory") == 2
    assert "the model failed" not in caplog.text


async def test_one_row_that_does_not_fit_fails() -> None:
    def fail(batch: Sequence[BlankCanvas]) -> None:
        if any(canvas.prompt == "large" for canvas in batch):
            raise MemoryError

    model = ScriptedModel(FACTS, before_step=fail)
    async with painting(model) as painter:
        large, small = await asyncio.gather(
            drained(painter, asked("large")), drained(painter, asked("small"))
        )
    assert isinstance(small[-1], ImageCompleted)
    assert isinstance(large[-1], ImageFailed)
    assert large[-1].code == "out_of_memory"


async def test_a_pass_that_is_half_done_when_memory_ends_is_not_repeated() -> None:
    def fail(batch: Sequence[BlankCanvas]) -> None:
        batch[0].step += 1
        raise MemoryError

    model = ScriptedModel(FACTS, before_step=fail)
    async with painting(model) as painter:
        events = await drained(painter, asked(n=2))
    assert isinstance(events[-1], ImageFailed)
    assert events[-1].code == "out_of_memory"
    assert model.steps == []


async def test_a_decoding_that_does_not_fit_beside_a_step_is_done_between_two(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(canvas: BlankCanvas) -> None:
        if threading.current_thread().name.startswith("limner-decode"):
            raise MemoryError

    model = ScriptedModel(FACTS, before_pixels=fail)
    async with painting(model) as painter:
        events = await drained(painter, asked())
    assert isinstance(events[-1], ImageCompleted)
    assert model.decoders == {"limner-model"}
    assert "no memory to decode beside a step" in caplog.text


async def test_a_request_whose_time_has_come_fails_painted_or_waiting() -> None:
    def slow(batch: Sequence[BlankCanvas]) -> None:
        time.sleep(0.05)

    model = ScriptedModel(FACTS, before_step=slow)
    async with painting(model, rows=1, picture_timeout_s=0.06) as painter:
        painted, waiting = await asyncio.gather(
            drained(painter, asked("painted")), drained(painter, asked("waiting"))
        )
    for events in (painted, waiting):
        failed = events[-1]
        assert isinstance(failed, ImageFailed)
        assert (failed.code, failed.status, failed.retryable) == ("deadline_exceeded", 504, True)
        assert "0.06 seconds" in failed.message
    assert len(model.steps) < 8


async def test_who_waits_for_a_first_step_is_told_the_place_and_not_that_it_began() -> None:
    gate = Gate()
    model = ScriptedModel(FACTS, before_step=gate)
    async with painting(model, rows=1) as painter:
        tasks = [asyncio.create_task(drained(painter, asked(str(k)))) for k in range(3)]
        await gate.reached()
        gate.open()
        results = [await task for task in tasks]
    for place, events in enumerate(results):
        told = [event for event in events if isinstance(event, ImageProgress)]
        places = [event.queue_position for event in told if event.queue_position]
        assert places == list(range(place, 0, -1))
        assert [event.queue_position for event in told][: len(places)] == places
        assert told[-1].step == 4


async def test_a_small_request_passes_a_large_one_at_the_next_step() -> None:
    model = ScriptedModel(FACTS)
    gate = Gate()
    model.before_step = gate
    async with painting(model) as painter:
        large = asyncio.create_task(drained(painter, asked("large", size=Size(512, 512))))
        await gate.reached()
        small = asyncio.create_task(drained(painter, asked("small")))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(large, small)
    assert [batch[0][0] for batch in model.steps] == ["large", *["small"] * 4, *["large"] * 3]


async def test_a_background_request_lets_others_pass() -> None:
    model = ScriptedModel(FACTS)
    gate = Gate()
    model.before_step = gate
    async with painting(model) as painter:
        slow = asyncio.create_task(drained(painter, asked("slow", priority="background")))
        await gate.reached()
        quick = asyncio.create_task(drained(painter, asked("quick")))
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(slow, quick)
    assert [batch[0][0] for batch in model.steps] == ["slow", *["quick"] * 4, *["slow"] * 3]
