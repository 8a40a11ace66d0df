from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from limner.core.image import Size
from limner.engine.preview import preview_steps, to_pixels
from limner.engine.zimage.denoise import Denoiser

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("steps", "wanted", "after"),
    [
        (8, 0, ()),
        (8, 1, (3,)),
        (8, 2, (2, 5)),
        (8, 3, (2, 4, 6)),
        (30, 3, (7, 15, 22)),
        (4, 3, (1, 2, 3)),
        (2, 3, (1,)),
        (1, 3, ()),
    ],
)
def test_previews_are_spread_over_the_way(steps: int, wanted: int, after: tuple[int, ...]) -> None:
    assert preview_steps(steps, wanted) == after


def test_pixels_equal_those_of_the_stock_image_processor(loaded: Any) -> None:
    from diffusers.image_processor import VaeImageProcessor

    latents = torch.randn(16, 8, 12, generator=torch.Generator().manual_seed(0))
    vae = loaded.pipeline.vae
    scaled = latents / vae.config.scaling_factor + vae.config.shift_factor
    with torch.inference_mode():
        decoded = vae.decode(scaled[None], return_dict=False)[0]
    expected = np.asarray(VaeImageProcessor(vae_scale_factor=16).postprocess(decoded)[0])
    pixels = to_pixels(loaded.pipeline.vae, latents)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, expected)


def test_only_large_previews_come_at_half_the_size(loaded: Any) -> None:
    large, small = torch.zeros(16, 66, 64), torch.zeros(16, 64, 64)
    assert to_pixels(loaded.pipeline.vae, large, preview=True).shape == (264, 256, 3)
    assert to_pixels(loaded.pipeline.vae, large).shape == (528, 512, 3)
    assert to_pixels(loaded.pipeline.vae, small, preview=True).shape == (512, 512, 3)


def test_a_preview_shows_what_the_step_foresees_not_the_noise(loaded: Any) -> None:
    denoiser = Denoiser(loaded)
    canvas = denoiser.canvas(
        denoiser.caption("a circle"), Size(64, 64), seed=3, steps=8, guidance=0
    )
    for _ in range(2):
        before, level = canvas.latents, canvas.sigmas[canvas.step]
        denoiser.step([canvas])
    velocity = (canvas.latents - before) / (canvas.sigmas[canvas.step] - level)
    torch.testing.assert_close(canvas.clean, before - level * velocity, atol=1e-5, rtol=0)
    shown = denoiser.pixels(denoiser.foreseen(canvas), preview=True)
    assert np.array_equal(shown, to_pixels(loaded.pipeline.vae, canvas.clean))
