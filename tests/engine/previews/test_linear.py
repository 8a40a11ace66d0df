"""A linear map shows what the VAE would, coarsely and for nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from limner.engine.loading import load
from limner.engine.preview import Decoder
from limner.engine.previews.drawings import drawings
from limner.engine.previews.linear import fit_linear, takes_frames

pytestmark = pytest.mark.engine


class Blocks(torch.nn.Module):
    """A VAE whose latents are means of 8 by 8 pixels, in more channels than there are colours."""

    def __init__(self, *, frames: bool = False, answers: str = "latent_dist") -> None:
        super().__init__()
        cell = (1, 8, 8)
        self.mix: torch.nn.Module = torch.nn.Conv2d(3, 5, 8, 8)
        if frames:
            self.mix = torch.nn.Conv3d(3, 5, cell, cell)
        with torch.no_grad():
            weight = self.mix.get_parameter("weight")
            mixed = torch.randn(5, 3, *(1 for _ in weight.shape[2:])) / 64
            weight.copy_(mixed.expand_as(weight))
        self.device, self.dtype, self.answers = torch.device("cpu"), torch.float32, answers

    def encode(self, pictures: Any) -> Any:
        latents = self.mix(pictures)
        if self.answers == "latent":
            return SimpleNamespace(latent=latents)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))


@pytest.mark.parametrize("answers", ["latent_dist", "latent"])
@pytest.mark.parametrize("frames", [False, True])
def test_it_finds_the_colours_that_the_latents_hold(frames: bool, answers: str) -> None:
    torch.manual_seed(0)
    vae = Blocks(frames=frames, answers=answers)
    assert takes_frames(vae) is frames
    colour = torch.tensor([0.5, -0.25, 0.75]).view(1, 3, 1, 1).expand(1, 3, 64, 96)
    encoded = vae.encode(colour[:, :, None] if frames else colour)
    latents = getattr(encoded, "latent", None)
    latents = encoded.latent_dist.mode() if latents is None else latents
    shown = Decoder(vae, fit_linear(vae)).pixels(latents, preview=True)
    assert shown.shape == (32, 48, 3)
    expected = np.rint((np.array([0.5, -0.25, 0.75]) / 2 + 0.5) * 255)
    assert np.abs(shown.astype(float) - expected).max() <= 2


def test_its_previews_are_like_those_of_the_vae() -> None:
    """Of the model in the package: the VAE of the other tests has random weights."""
    vae = load("tiny", device="cpu", threads=1).pipeline.vae
    pictures = torch.from_numpy(drawings(40, 128)[-4:])  # none of those it is fitted to
    decoder = Decoder(vae, fit_linear(vae))
    for picture in pictures:
        with torch.inference_mode():
            latents = vae.encode(picture[None]).latent_dist.mode()
        shown = decoder.pixels(latents, preview=True).astype(float)
        whole = torch.from_numpy(decoder.pixels(latents).astype(np.float32)).permute(2, 0, 1)
        small = F.avg_pool2d(whole, 2).permute(1, 2, 0).numpy()
        plain = np.abs(small - small.mean((0, 1))).mean()
        assert np.abs(shown - small).mean() < plain / 2


def test_drawings_are_the_same_every_time_and_differ_from_each_other() -> None:
    first, again = drawings(3, 32), drawings(3, 32)
    assert first.shape == (3, 3, 32, 32)
    assert first.dtype == np.float32
    assert np.array_equal(first, again)
    assert np.abs(first).max() <= 1
    assert not np.array_equal(first[0], first[1])
