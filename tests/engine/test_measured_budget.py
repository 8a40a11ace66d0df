"""The budget of a model, measured with a clock that only its steps move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from limner.core.image import Size
from limner.engine.loading import open_model
from limner.engine.measured_budget import LIMIT_S, measured_budget, sizes
from limner.engine.model import ModelFacts
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler
from tests.engine.scripted_model import BlankCanvas, ScriptedModel

SMALL, NATIVE = 256 + 32, 4096 + 32


class Device:
    """Takes the time that is told for so many rows."""

    def __init__(self, model: ScriptedModel, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.rows: list[int] = []
        self._seconds = seconds
        model.before_step = self._take

    def _take(self, batch: Sequence[BlankCanvas]) -> None:
        self.now += self._seconds(len(batch))
        self.rows.append(len(batch))

    def __call__(self) -> float:
        return self.now


def test_a_device_that_is_idle_between_its_orders_gets_many_rows() -> None:
    model = ScriptedModel()
    device = Device(model, lambda rows: 0.03)
    assert measured_budget(model, clock=device) == 8 * NATIVE
    assert sorted(set(device.rows)) == [1, 2, 4, 8]
    assert all(canvas.is_over for canvas in model.ended)
    assert len(model.ended) == 16


def test_a_device_that_one_picture_keeps_busy_gets_one_row_of_the_largest() -> None:
    model = ScriptedModel()
    device = Device(model, lambda rows: 0.08 * rows)
    assert measured_budget(model, clock=device) == NATIVE
    assert sorted(set(device.rows)) == [1, 2], "nothing larger is tried"


def test_a_slow_device_is_not_asked_for_long() -> None:
    model = ScriptedModel()
    device = Device(model, lambda rows: 2.0)
    assert measured_budget(model, clock=device) == 2 * SMALL
    assert device.now < LIMIT_S + 3 * 2.0


def test_the_native_size_is_left_out_where_it_would_take_too_long() -> None:
    model = ScriptedModel()
    device = Device(model, lambda rows: 0.7 * rows)
    assert measured_budget(model, clock=device) == SMALL
    assert len(model.steps) == 6


def test_memory_that_ends_ends_the_trying() -> None:
    def seconds(rows: int) -> float:
        if rows > 2:
            raise MemoryError
        return 0.03

    model = ScriptedModel()
    assert measured_budget(model, clock=Device(model, seconds)) == 2 * NATIVE
    assert len(model.ended) == 16


def test_what_fails_for_one_row_is_no_question_of_rows() -> None:
    model = ScriptedModel()

    def fail(batch: Sequence[BlankCanvas]) -> None:
        raise RuntimeError("a kernel broke")

    model.before_step = fail
    with pytest.raises(RuntimeError, match="a kernel broke"):
        measured_budget(model, clock=lambda: 0.0)
    assert len(model.ended) == 8


def test_rows_that_share_no_pass_are_not_timed() -> None:
    model = ScriptedModel(alone=True)
    assert measured_budget(model, clock=lambda: 0.0) is None
    assert model.steps == []
    assert len(model.ended) == 8


def test_the_smallest_size_and_the_native_one_are_tried() -> None:
    assert sizes(ModelFacts("turbo")) == [Size(256, 256), Size(1024, 1024)]
    buckets = (Size(128, 128), Size(96, 160))
    assert sizes(ModelFacts("tiny", Size(128, 128), buckets=buckets)) == [
        Size(96, 160),
        Size(128, 128),
    ]
    assert sizes(ModelFacts("one", Size(512, 512), buckets=(Size(512, 512),))) == [Size(512, 512)]


@pytest.mark.engine
async def test_a_real_pipeline_is_given_a_budget_before_it_is_ready(loaded: Any) -> None:
    scheduler: Scheduler[Any] = Scheduler(token_budget=1)
    told = []
    painter = Painter(
        lambda _: open_model(loaded),
        name="random",
        scheduler=scheduler,
        fresh_seed=lambda: 0,
        on_readiness=lambda readiness: told.append(readiness.message),
        measure=measured_budget,
    )
    await painter.start()
    tokens = 32 + 32
    assert scheduler.token_budget in [rows * tokens for rows in (1, 2, 4, 8)]
    assert painter.stats.token_budget == scheduler.token_budget
    assert "timing passes of several pictures" in told
    await painter.close()
