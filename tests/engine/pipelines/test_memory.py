"""Other pipelines in less memory: half the bits, a part at a time, cheap previews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limner.core.image import ImageData, ImageRequest
from limner.engine.loading import Loaded, load, open_model
from limner.engine.offload import Swap, fetch_layers
from limner.engine.params import plan
from limner.engine.previews.linear import fit_linear
from limner.engine.room import Layout
from limner.engine.source import Source
from tests.engine.pipelines.builders import BUILDERS
from tests.engine.pipelines.conftest import MARKS, PROMPT, SIZE, noisy, painted, planned, saved

pytestmark = MARKS
NAMES = ("sdxl", "sd3", "klein", "qwen")
SOURCE = noisy()


def fresh(name: str, folder: Path, **options: Any) -> Loaded:
    torch.manual_seed(3)
    return load(str(saved(BUILDERS[name](), folder / name)), device="cpu", **options)


@pytest.mark.parametrize("name", NAMES)
def test_in_float16_the_vae_is_in_float32_and_the_picture_nearly_the_same(
    name: str, loaded_of: Any, tmp_path: Path
) -> None:
    loaded = fresh(name, tmp_path, dtype="float16")
    assert loaded.pipeline.vae.dtype == torch.float32
    model, wide = open_model(loaded), open_model(loaded_of(name))
    model.warm_up()
    (picture,) = painted(model, planned(model))
    (expected,) = painted(wide, planned(wide))
    assert np.abs(picture.astype(float) - expected).mean() < 3


@pytest.mark.parametrize("name", ["sdxl", "sd3", "qwen"])
def test_an_edit_in_float16_leaves_the_vae_as_it_is(
    name: str, loaded_of: Any, tmp_path: Path
) -> None:
    """Stable Diffusion XL casts it to and fro, and would decode previews with half a VAE."""
    loaded = fresh(name, tmp_path, dtype="float16")
    loaded.pipeline.vae.register_to_config(force_upcast=True)
    made = []
    for model in (open_model(loaded), open_model(loaded_of(name))):
        asked = ImageRequest(PROMPT, seed=7, images=(ImageData(b"", "png"),), strength=0.6)
        decided = plan(asked, model.facts, 0, SIZE)
        (canvas,) = model.begin(decided, Source(SOURCE)).canvases
        while model.foreseen(canvas) is None or canvas.step < decided.steps:
            assert model.step([canvas]) == [True]
            if canvas.step == 1:
                model.pixels(model.foreseen(canvas), preview=True)
                assert loaded.pipeline.vae.dtype == torch.float32
        made.append(model.pixels(model.foreseen(canvas), preview=False).astype(float))
    assert np.abs(made[0] - made[1]).mean() < 3


@pytest.mark.parametrize("offload", ["model", "sequential"])
@pytest.mark.parametrize("name", NAMES)
def test_wherever_the_weights_wait_the_picture_is_the_same(
    name: str, offload: Any, loaded_of: Any, tmp_path: Path
) -> None:
    loaded, cpu = fresh(name, tmp_path), torch.device("cpu")
    parts = {
        part: module
        for part, module in loaded.pipeline.components.items()
        if isinstance(module, torch.nn.Module)
    }
    vae = parts.pop("vae")
    if offload == "model":
        swap = Swap(cpu, parts.values(), vae)
    else:
        swap = None
        fetch_layers(cpu, parts.values())
    model = open_model(
        Loaded(loaded.facts, loaded.pipeline, cpu, torch.float32, Layout(offload), swap)
    )
    whole = open_model(loaded_of(name))
    assert np.array_equal(painted(model, planned(model)), painted(whole, planned(whole)))


@pytest.mark.parametrize("name", NAMES)
def test_previews_can_be_sketched(name: str, loaded_of: Any) -> None:
    loaded = loaded_of(name)
    sketch = fit_linear(loaded.pipeline.vae)
    model = open_model(
        Loaded(loaded.facts, loaded.pipeline, loaded.device, loaded.dtype, sketch=sketch)
    )
    model.warm_up()
    (canvas,) = model.begin(planned(model)).canvases
    model.step([canvas])
    foreseen = model.foreseen(canvas)
    shown, whole = (model.pixels(foreseen, preview=each) for each in (True, False))
    model.end(canvas)
    assert shown.dtype == np.uint8
    assert shown.shape[0] * whole.shape[1] == shown.shape[1] * whole.shape[0]


@pytest.mark.parametrize("name", NAMES)
def test_in_eight_bits_the_picture_is_nearly_the_same(
    name: str, loaded_of: Any, tmp_path: Path
) -> None:
    pytest.importorskip("torchao")
    model = open_model(fresh(name, tmp_path, quantize="int8"))
    wide = open_model(loaded_of(name))
    (picture,), (expected,) = painted(model, planned(model)), painted(wide, planned(wide))
    assert 0 < np.abs(picture.astype(float) - expected).mean() < 3
