"""Edits of a picture, in latents: where they begin, and what they hold fast.

In float32 the numbers are those of Diffusers' `ZImageImg2ImgPipeline` and `ZImageInpaintPipeline`
with the same seed: one generator draws what the VAE is unsure of, then the noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from limner.engine.source import HALF, Cover, Source


@dataclass(frozen=True, slots=True)
class Held:
    """What an edit holds fast: the source, seen through the noise of the moment.

    source, noise: (channels, height / 8, width / 8), float32, on the device.
    free: (1, height / 8, width / 8), 1 where the picture may change, else 0.
    """

    source: Any
    noise: Any
    free: Any

    def over(self, latents: Any, level: Any) -> Any:
        """The latents where they are free, elsewhere the source with noise of this level."""
        return (1 - self.free) * mixed(self.source, self.noise, level) + self.free * latents


@dataclass(frozen=True, slots=True)
class Start:
    """Where an edit begins: clean and noise as in `Held`, mixed at the first noise level."""

    clean: Any
    noise: Any
    held: Held | None


def starts(vae: Any, source: Source, seeds: Sequence[int], device: Any) -> Iterator[Start]:
    """One for each seed. The VAE looks at the source once."""
    seen_once = seen(vae, source.picture)
    for seed in seeds:
        generator = torch.Generator("cpu").manual_seed(seed)
        clean = drawn(vae, seen_once, generator)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        held = None
        if source.cover:
            free = free_cells(source.cover, *clean.shape[1:]).to(device)
            held = Held(clean, noise, free)
        yield Start(clean, noise, held)


def mixed(clean: Any, noise: Any, level: Any) -> Any:
    """Latents on the straight line from a picture (level 0) to noise (level 1)."""
    return level * noise + (1.0 - level) * clean


def seen(vae: Any, picture: Image.Image) -> Any:
    """What the VAE makes of an RGB picture: a distribution of latents, one batch of one."""
    unit = torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return vae.encode((2.0 * unit - 1.0).to(vae.device, vae.dtype)).latent_dist


def drawn(vae: Any, distribution: Any, generator: torch.Generator) -> Any:
    """One sample of it as the transformer knows latents: (channels, height, width), float32."""
    sample = distribution.sample(generator)[0].float()
    return (sample - vae.config.shift_factor) * vae.config.scaling_factor


def free_cells(cover: Cover, height: int, width: int) -> Any:
    """Where latents may change, (1, height, width): cells with any pixel that may, at half or more.

    Diffusers looks at one pixel of each cell, and so misses thin lines and half of an edge.
    """
    marked = np.asarray(cover.free) >= HALF
    rows = np.arange(height) * marked.shape[0] // height
    columns = np.arange(width) * marked.shape[1] // width
    cells = np.logical_or.reduceat(np.logical_or.reduceat(marked, rows, 0), columns, 1)
    return torch.from_numpy(cells.astype(np.float32))[None]
