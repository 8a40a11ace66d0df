"""A pool of drawn and encoded pictures that is renewed little by little.

Drawing and encoding a picture costs about a third of a training step on it; each is used a few
times before a new one takes its place.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from training.captions import caption, sample
from training.drawing import draw
from training.scenes import Diet, Scene, random_scene

NATIVE = (128, 128)
BUCKETS = (NATIVE, (160, 96), (96, 160), (144, 112), (112, 144))
"""Sizes in pixels; all have about as many latents."""
_LEAST_WEIGHT = 1.0
_COVER_WEIGHT = 2.0
_EDGE_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class Sample:
    """latents: (16, h, w). weight: (h, w), of mean 1: how much each cell counts in the loss."""

    caption: str
    scene: Scene
    latents: torch.Tensor
    weight: torch.Tensor


def cell_weights(cover: torch.Tensor) -> torch.Tensor:
    """(n, height, width) from 0 to 1 -> (n, height / 8, width / 8), each of mean 1.

    Cells on a figure count more than the ground, and cells on its outline most: they are where a
    star differs from a heart.
    """
    share = F.avg_pool2d(cover[:, None], 8)[:, 0]
    weight = _LEAST_WEIGHT + _COVER_WEIGHT * share + _EDGE_WEIGHT * 4 * share * (1 - share)
    return weight / weight.mean(dim=(1, 2), keepdim=True)


class Pool:
    """Samples of one size, renewed a few at a time.

    diet: the shares of kinds, None for that of `scenes.random_scene`. room: how many are kept.
    """

    def __init__(self, vae: Any, size: tuple[int, int], room: int, lot: random.Random) -> None:
        self._vae = vae
        self._size = size
        self._room = room
        self._lot = lot
        self._samples: list[Sample] = []
        self._oldest = 0
        self.diet: Diet | None = None

    def batch(self, count: int, fresh: int) -> list[Sample]:
        """Some samples by lot, after `fresh` new ones have come in."""
        self._renew(fresh if len(self._samples) >= count else max(count, fresh))
        return self._lot.choices(self._samples, k=count)

    def _renew(self, count: int) -> None:
        for made in self._make(count):
            if len(self._samples) < self._room:
                self._samples.append(made)
            else:
                self._samples[self._oldest] = made
                self._oldest = (self._oldest + 1) % self._room

    def _make(self, count: int) -> list[Sample]:
        asked = [self._ask() for _ in range(count)]
        drawings = [draw(scene, *self._size, self._lot) for _, scene in asked]
        pictures = torch.stack([torch.from_numpy(d.pixels) for d in drawings]).permute(0, 3, 1, 2)
        covers = torch.stack([torch.from_numpy(d.cover) for d in drawings]).float() / 255
        latents = encode(self._vae, pictures.float() / 127.5 - 1)
        return [
            Sample(said, scene, latent, weight)
            for (said, scene), latent, weight in zip(
                asked, latents, cell_weights(covers), strict=True
            )
        ]

    def _ask(self) -> tuple[str, Scene]:
        if self.diet is None:
            return sample(self._lot)
        scene = random_scene(self._lot, self.diet)
        return caption(scene, self._lot), scene


def encode(vae: Any, pictures: torch.Tensor) -> torch.Tensor:
    """(n, 3, height, width) from -1 to 1 -> the painter's (n, 16, height / 8, width / 8)."""
    device = next(vae.parameters()).device
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
        latents = vae.encode(pictures.to(device)).latent_dist.mode()
    scaled: torch.Tensor = (latents.float() - vae.config.shift_factor) * vae.config.scaling_factor
    return scaled
