"""What the CPU cannot show: weights that really move, and eight-bit floats that are multiplied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limner.core.image import ImageRequest, Size
from limner.engine.device import device_facts
from limner.engine.loading import load, open_model
from limner.engine.params import plan
from limner.engine.quantized import multiplies_fp8

pytestmark = [
    pytest.mark.engine,
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device here"),
]


def painted(model: Any) -> Any:
    model.warm_up()
    decided = plan(ImageRequest("a red circle", seed=7, size=Size(64, 64)), model.facts, 7)
    (canvas,) = model.begin(decided).canvases
    while canvas.step < decided.steps:
        assert model.step([canvas]) == [True]
    return model.pixels(model.foreseen(canvas), preview=False).astype(float)


@pytest.fixture(scope="module")
def whole(folder: Path) -> Any:
    return painted(open_model(load(str(folder), device="cuda", offload="none")))


@pytest.mark.parametrize("offload", ["model", "sequential"])
def test_a_picture_is_the_same_wherever_its_weights_wait(
    folder: Path, whole: Any, offload: Any
) -> None:
    loaded = load(str(folder), device="cuda", offload=offload)
    assert loaded.pipeline.transformer.device.type == "cpu"
    assert loaded.pipeline.vae.device.type == "cuda"
    assert np.abs(painted(open_model(loaded)) - whole).mean() < 2


def test_one_part_at_a_time_takes_its_memory(folder: Path) -> None:
    loaded = load(str(folder), device="cuda", offload="model")
    before = torch.cuda.memory_allocated()
    held = []
    for part in (loaded.pipeline.text_encoder, loaded.pipeline.transformer):
        loaded.bring(part)
        assert {each.device.type for each in part.parameters()} == {"cuda"}
        held.append(torch.cuda.memory_allocated() - before)
    # The allocator hands out pieces of 512 bytes. The text encoder is larger than what that wastes.
    weights = list(loaded.pipeline.transformer.parameters())
    assert held[1] <= sum(each.nbytes for each in weights) + 512 * len(weights)


@pytest.mark.parametrize("quantize", ["fp8", "int8"])
def test_eight_bits_paint_nearly_the_same(folder: Path, whole: Any, quantize: Any) -> None:
    pytest.importorskip("torchao")
    if quantize == "fp8" and not multiplies_fp8(torch, torch.device("cuda")):
        pytest.skip("this GPU multiplies no eight-bit floats")
    narrow = painted(open_model(load(str(folder), device="cuda", quantize=quantize)))
    assert 0 < np.abs(narrow - whole).mean() < 6


def test_a_gpu_says_what_it_has() -> None:
    facts = device_facts(torch, torch.device("cuda:0"))
    assert facts is not None
    assert 0 < facts.free_bytes <= facts.total_bytes
    assert facts.built_for.startswith(("CUDA", "ROCm"))
