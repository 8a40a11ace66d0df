"""VAEs: never in float16, and in tiles where a picture is too large to decode whole."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from limner.engine.loading import load
from limner.engine.placing import place
from limner.engine.preview import to_pixels
from limner.engine.previews.drawings import drawings
from limner.engine.room import Layout
from limner.engine.vae import tile, widen
from limner.engine.weights import Precision

pytestmark = pytest.mark.engine


@pytest.fixture
def fresh(folder: Path) -> Any:
    return load(str(folder), device="cpu", threads=1).pipeline


def test_beside_float16_a_vae_takes_any_numbers_and_computes_in_float32(fresh: Any) -> None:
    vae = fresh.vae
    latents = torch.randn(1, 16, 8, 8)
    with torch.inference_mode():
        expected = vae.decode(latents.half().float()).sample
        vae.to(torch.float16)
        vae.to(torch.float32)
        rounded = vae.decode(latents.half().float()).sample
        widen(vae.to(torch.float16))
        decoded = vae.decode(latents.half()).sample
        encoded = vae.encode(expected.half()).latent_dist.mode()
        (same,) = vae.encode(expected.half(), return_dict=False)
        wide = vae.encode(expected).latent_dist.mode()
    assert (decoded.dtype, encoded.dtype, wide.dtype) == (
        torch.float32,
        torch.float16,
        torch.float32,
    )
    assert torch.equal(decoded, rounded)
    assert torch.equal(encoded, same.mode())
    torch.testing.assert_close(encoded.float(), wide, atol=2e-3, rtol=2e-3)


def test_beside_float16_no_pipeline_casts_a_vae_away(fresh: Any) -> None:
    vae = fresh.vae
    widen(vae)
    assert vae.to(torch.float16) is vae
    assert vae.to(dtype=torch.float16) is vae
    assert vae.dtype == torch.float32
    vae.to("meta", torch.float16)
    assert (vae.device.type, vae.dtype) == ("meta", torch.float32)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (192, 320)])
def test_tiles_make_nearly_the_same_picture(height: int, width: int) -> None:
    """Of the model in the package. Its norms see no more than the tile that they are given."""
    vae = load("tiny", device="cpu", threads=1).pipeline.vae
    picture = torch.from_numpy(drawings(1, 320))[:, :, :height, :width]
    with torch.inference_mode():
        encoded = vae.encode(picture).latent_dist.mode()[0]
    latents = (encoded - vae.config.shift_factor) * vae.config.scaling_factor
    whole = to_pixels(vae, latents).astype(float)
    assert tile(vae, 128)
    assert vae.tile_latent_min_size == 16
    apart = np.abs(to_pixels(vae, latents) - whole)
    assert 0 < apart.mean() < whole.std() / 6
    # A picture that is no larger than a tile is decoded whole.
    small = latents[:, :16, :16]
    vae.disable_tiling()
    expected = to_pixels(vae, small)
    tile(vae, 128)
    assert np.array_equal(to_pixels(vae, small), expected)


def test_a_vae_that_knows_no_tiles_is_left_as_it_is() -> None:
    assert not tile(SimpleNamespace(), 256)


def test_a_layout_with_tiles_is_obeyed(fresh: Any) -> None:
    layout = Layout(tile_px=256)
    place(fresh, "m", device=torch.device("cpu"), precision=Precision("float32"), layout=layout)
    assert fresh.vae.use_tiling
    assert (fresh.vae.tile_sample_min_size, fresh.vae.tile_latent_min_size) == (256, 32)
