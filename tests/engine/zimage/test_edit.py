"""Edits give the numbers of the stock pipelines, alone or among other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from limner.core.image import ImageRequest, Size
from limner.engine.loading import load
from limner.engine.model import ModelFacts
from limner.engine.params import Plan, plan
from limner.engine.preview import to_pixels
from limner.engine.source import Cover, Source
from limner.engine.zimage.canvas import Canvas, group_of
from limner.engine.zimage.denoise import Denoiser
from limner.engine.zimage.edit import free_cells

pytestmark = pytest.mark.engine
PROMPT = "a red circle above the blue square"
SIZE = Size(96, 48)
FACTS = ModelFacts("random", Size(64, 64), buckets=(SIZE, Size(64, 64)), min_edge_px=48)


def picture() -> Image.Image:
    across = np.linspace(0, 255, SIZE.width, dtype=np.uint8)[None].repeat(SIZE.height, 0)
    return Image.fromarray(np.stack([across, across[:, ::-1], 255 - across // 2], axis=-1))


def left_half() -> Image.Image:
    """Free at the left, along the cells of the latents."""
    free = Image.new("L", (SIZE.width, SIZE.height), 0)
    ImageDraw.Draw(free).rectangle((0, 0, SIZE.width // 2 - 1, SIZE.height), fill=255)
    return free


def planned(strength: float, guidance: float = 0.0, **options: Any) -> Plan:
    asked = ImageRequest(
        PROMPT, seed=3, strength=strength, guidance_scale=guidance, **{"steps": 8, **options}
    )
    return plan(asked, FACTS, 0, SIZE)


def begun(denoiser: Denoiser, decided: Plan, free: Image.Image | None = None) -> list[Canvas]:
    cover = Cover(picture(), free) if free else None
    return cast("list[Canvas]", denoiser.begin(decided, Source(picture(), cover)).canvases)


def finish(denoiser: Denoiser, canvas: Canvas) -> Any:
    while canvas.step < len(canvas.sigmas) - 1:
        assert denoiser.step([canvas]) == [True]
    return canvas.latents


def stock(loaded: Any, name: str, decided: Plan, **options: Any) -> Any:
    import diffusers

    pipeline = getattr(diffusers, name)(
        loaded.pipeline.scheduler,
        loaded.pipeline.vae,
        loaded.pipeline.text_encoder,
        loaded.pipeline.tokenizer,
        loaded.pipeline.transformer,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        [PROMPT],
        image=picture(),
        strength=decided.strength,
        num_inference_steps=decided.levels,
        guidance_scale=decided.guidance,
        generator=torch.Generator("cpu").manual_seed(decided.seeds[0]),
        output_type="latent",
        **options,
    ).images[0]


@pytest.fixture
def denoiser(loaded: Any) -> Denoiser:
    return Denoiser(loaded)


@pytest.mark.parametrize(
    ("strength", "steps", "guidance"),
    [(0.1, 8, 0.0), (0.6, 8, 0.0), (0.6, 8, 2.5), (0.7, 10, 0.0), (1.0, 4, 0.0)],
)
def test_a_whole_edit_equals_the_stock_pipeline(
    denoiser: Denoiser, loaded: Any, strength: float, steps: int, guidance: float
) -> None:
    decided = planned(strength, guidance, steps=steps)
    (mine,) = begun(denoiser, decided)
    assert len(mine.sigmas) == decided.steps + 1
    expected = stock(loaded, "ZImageImg2ImgPipeline", decided)
    torch.testing.assert_close(finish(denoiser, mine), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("strength", "guidance"), [(0.6, 0.0), (1.0, 0.0), (1.0, 2.5)])
def test_an_edit_by_mask_equals_the_stock_pipeline(
    denoiser: Denoiser, loaded: Any, strength: float, guidance: float
) -> None:
    decided = planned(strength, guidance)
    (mine,) = begun(denoiser, decided, left_half())
    expected = stock(loaded, "ZImageInpaintPipeline", decided, mask_image=left_half())
    torch.testing.assert_close(finish(denoiser, mine), expected, atol=1e-5, rtol=0)


def test_edits_and_new_pictures_share_a_batch_and_stay_what_they_are(denoiser: Denoiser) -> None:
    def company() -> list[Canvas]:
        new = denoiser.canvas(denoiser.caption(PROMPT), SIZE, seed=1, steps=8, guidance=0)
        whole = begun(denoiser, planned(0.6))
        masked = begun(denoiser, planned(1.0), left_half())
        return [new, *whole, *masked]

    alone, together = company(), company()
    assert len({group_of(canvas, SIZE) for canvas in together}) == 1
    for _ in range(5):
        denoiser.step(together)
    for canvas in together:
        finish(denoiser, canvas)
    for mine, shared in zip(alone, together, strict=True):
        torch.testing.assert_close(shared.latents, finish(denoiser, mine), atol=1e-5, rtol=0)


def test_each_picture_of_an_edit_has_the_noise_of_its_own_seed(denoiser: Denoiser) -> None:
    first, second = begun(denoiser, planned(0.6, n=2))
    asked = ImageRequest(PROMPT, seed=4, strength=0.6, steps=8)
    (alone,) = begun(denoiser, plan(asked, FACTS, 0, SIZE))
    assert torch.equal(second.latents, alone.latents)
    assert not torch.equal(first.latents, second.latents)


def test_outside_the_mask_every_step_foresees_the_source(denoiser: Denoiser, loaded: Any) -> None:
    (mine,) = begun(denoiser, planned(1.0), left_half())
    assert mine.held is not None
    kept = 1 - mine.held.free
    for _ in range(8):
        denoiser.step([mine])
        assert torch.equal(mine.clean * kept, mine.held.source * kept)
    assert torch.equal(mine.latents * kept, mine.held.source * kept)
    shown = denoiser.pixels(denoiser.foreseen(mine), preview=True)
    assert np.array_equal(shown, to_pixels(loaded.pipeline.vae, mine.clean))


def test_a_cell_with_a_single_free_pixel_is_free() -> None:
    free = Image.new("L", (64, 64), 0)
    free.putpixel((17, 40), 255)
    free.putpixel((60, 60), 127)
    cells = free_cells(Cover(Image.new("RGB", (64, 64)), free), 8, 8)
    assert cells.shape == (1, 8, 8)
    assert cells.nonzero().tolist() == [[0, 5, 2]]


def test_cells_are_found_whatever_the_size_of_the_picture() -> None:
    free = Image.new("L", (1000, 500), 0)
    free.putpixel((999, 0), 255)
    cells = free_cells(Cover(Image.new("RGB", (1000, 500)), free), 6, 12)
    assert cells.nonzero().tolist() == [[0, 0, 11]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_floats_paint_nearly_the_same_edit(
    denoiser: Denoiser, folder: Path, dtype: str
) -> None:
    narrow = Denoiser(load(str(folder), device="cpu", dtype=dtype, threads=1))
    decided = planned(0.3)
    (wide,), (mine,) = begun(denoiser, decided, left_half()), begun(narrow, decided, left_half())
    assert mine.latents.dtype == torch.float32
    away = (finish(narrow, mine) - finish(denoiser, wide)).abs().mean()
    assert away < 0.15 * wide.latents.std()
