"""A model that is not wholly on its device paints the same pictures.

There is no second device here. Numbers are compared on the CPU, and where weights are is seen with
the device that has shapes but no numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limner.core.image import Size
from limner.engine.loading import Loaded, load
from limner.engine.offload import Swap, fetch_layers
from limner.engine.params import Plan
from limner.engine.room import Layout
from limner.engine.zimage.denoise import Denoiser

pytestmark = pytest.mark.engine

CPU = torch.device("cpu")
META = torch.device("meta")


def test_one_part_at_a_time_is_on_the_device_and_comes_when_it_is_called() -> None:
    first: Any = torch.nn.Linear(4, 4)
    second: Any = torch.nn.BatchNorm1d(4).eval()
    before = [first.weight, second.weight, second.running_mean]
    numbers = [tensor.clone() for tensor in before]
    swap = Swap(META, [first, second])
    assert first.weight.device == CPU
    first(torch.zeros(2, 4, device=META))
    assert (first.weight.device, second.weight.device) == (META, CPU)
    assert isinstance(first.weight, torch.nn.Parameter)
    assert not first.weight.requires_grad
    second(torch.zeros(2, 4, device=META))
    assert (first.weight.device, second.weight.device) == (CPU, META)
    assert second.running_mean.device == META
    swap.bring(first)
    assert (first.weight.device, second.running_mean.device) == (META, CPU)
    swap.bring(second)
    swap.bring(first)
    # What waited beside the device is what was there from the start.
    assert second.weight is before[1]
    assert second.running_mean is before[2]
    swap.bring(second)
    assert first.weight is before[0]
    assert torch.equal(before[0], numbers[0])


def test_what_does_not_take_part_stays_where_it_is() -> None:
    first, other = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    swap = Swap(META, [first])
    swap.bring(first)
    swap.bring(other)
    assert (first.weight.device, other.weight.device) == (META, CPU)


def test_pipelines_of_diffusers_learn_where_their_inputs_are_to_be(folder: Path) -> None:
    pipeline = load(str(folder), device="cpu", threads=1).pipeline
    Swap(META, [pipeline.text_encoder, pipeline.transformer], pipeline.vae)
    assert pipeline.device == CPU
    assert pipeline._execution_device == META
    # Such as helpers make for every call, of the same modules.
    assert type(pipeline)(**pipeline.components)._execution_device == META


def painted(loaded: Loaded) -> Any:
    denoiser: Any = Denoiser(loaded)
    size = Size(96, 48)
    plan = Plan("a red circle", size, size, 3, 3, 2.0, (7,), "png", 0, 0, "random")
    denoiser.warm_up()
    (canvas,) = denoiser.begin(plan).canvases
    for _ in range(3):
        denoiser.step([canvas])
    return denoiser.pixels(denoiser.foreseen(canvas), preview=False)


@pytest.mark.parametrize("offload", ["model", "sequential"])
def test_pictures_are_the_same_wherever_the_weights_wait(
    folder: Path, loaded: Any, offload: Any
) -> None:
    pipeline = load(str(folder), device="cpu", threads=1).pipeline
    parts = [pipeline.text_encoder, pipeline.transformer]
    swap = None
    if offload == "model":
        swap = Swap(CPU, parts)
    else:
        fetch_layers(CPU, parts)
    offloaded = Loaded(loaded.facts, pipeline, CPU, torch.float32, Layout(offload), swap)
    assert not Denoiser(offloaded).decodes_beside, "parts come in the steps' thread"
    apart = painted(offloaded).astype(int) - painted(loaded)
    # The stock pass, by which layers come one by one, rounds in another order than ours.
    assert np.abs(apart).max() <= (offload == "sequential")
