"""Recorded passes stand in for their shape alone, and only where they answer the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from limner.core.image import Size
from limner.engine.zimage import fit, graphs
from limner.engine.zimage.attention import native
from limner.engine.zimage.forward import OwnForward, Shape
from limner.engine.zimage.modulation import Modulation

pytestmark = pytest.mark.engine
SHAPE = Shape((2, 16, 8, 8), 32)


@pytest.fixture
def model(loaded: Any) -> Any:
    return loaded.pipeline.transformer


class Rerun:
    """What a recording does, without a GPU: computes anew, from memory of its own."""

    def __init__(self, own: OwnForward, inputs: graphs.Inputs, turns: Any) -> None:
        self._own, self._turns = own, turns
        latents, captions, told = inputs
        self.memory = (latents.clone(), captions.clone(), told.blocks.clone(), told.final.clone())
        self.calls = 0

    def __call__(self, latents: Any, captions: Any, told: Modulation) -> Any:
        self.calls += 1
        given = (latents, captions, told.blocks, told.final)
        for mine, new in zip(self.memory, given, strict=True):
            mine.copy_(new)
        latents, captions, blocks, final = self.memory
        return self._own.run(latents, captions, Modulation(blocks, final), self._turns)


def ask(own: OwnForward, model: Any, shape: Shape, seed: int = 5) -> Any:
    asked = fit.question(model, shape, seed)
    with torch.inference_mode():
        captions = [own.read(asked.features)] * len(asked.latents)
        return own.forward(asked.latents, captions, own.modulations(asked.times))


def test_a_recorded_pass_answers_for_its_shape_and_no_other(model: Any) -> None:
    own, plain = OwnForward(model, native), OwnForward(model, native)
    graphs.record(own, model, [SHAPE], Rerun)
    (rerun,) = own.recorded.values()
    assert isinstance(rerun, Rerun)
    before = rerun.calls
    for shape in (SHAPE, Shape((1, 16, 8, 8), 32), Shape((2, 16, 8, 8), 64)):
        assert torch.equal(ask(own, model, shape), ask(plain, model, shape))
    assert rerun.calls == before + 1


def test_a_recording_that_answers_its_first_question_for_ever_is_not_used(
    model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Stale(Rerun):
        def __call__(self, *given: Any) -> Any:
            latents, captions, blocks, final = self.memory
            return self._own.run(latents, captions, Modulation(blocks, final), self._turns)

    own = OwnForward(model, native)
    graphs.record(own, model, [SHAPE], Stale)
    assert not own.recorded
    assert "a recorded pass is not used" in caplog.text


def test_where_memory_ends_what_is_recorded_stays(
    model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def make(own: OwnForward, inputs: graphs.Inputs, turns: Any) -> Rerun:
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("no memory left")
        return Rerun(own, inputs, turns)

    own = OwnForward(model, native)
    shapes = [Shape((rows, 16, 8, 8), 32) for rows in (1, 2, 3)]
    graphs.record(own, model, shapes, make)
    assert list(own.recorded) == shapes[:1]
    assert caplog.text.count("no memory left") == 1


def test_small_sizes_are_recorded_and_large_ones_are_not() -> None:
    small = graphs.shapes(Size(512, 768), 16, 8)
    assert Shape((1, 16, 96, 64), 32) in small
    assert Shape((4, 16, 96, 64), 128) in small
    assert len(small) == 16
    assert graphs.shapes(Size(1024, 1024), 16, 8) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device here")
def test_on_a_gpu_recorded_passes_answer_the_same_again_and_again(model: Any) -> None:
    there = copy.deepcopy(model).to("cuda", torch.bfloat16)
    own, plain = OwnForward(there, native), OwnForward(there, native)
    shapes = [Shape((rows, 16, 8, 8), 32) for rows in (1, 2)]
    graphs.record(own, there, shapes, graphs.recorder())
    assert list(own.recorded) == shapes
    first = ask(own, there, shapes[1], seed=1)
    kept = first.clone()
    for seed in range(2, 6):
        for shape in shapes:
            answer, expected = (ask(each, there, shape, seed) for each in (own, plain))
            assert fit.apart(answer, expected) < 0.01
    assert torch.equal(first, kept)
