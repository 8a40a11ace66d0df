"""What a forward pass computes, counted by hand, for transformers of Z-Image's class.

A multiplication with its addition are two operations. Only products of matrices count: all else is
small beside them, and what a device manages is measured with such a product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FFN_THIRDS = 8
"""The inner width of a block's feed-forward part is so many thirds of its width."""
PROJECTIONS = 4
"""Query, key, value and output; each a square matrix."""
FFN_MATRICES = 3
"""Gate, up and down."""
PADDED_TO = 32
"""Tokens of the picture, like those of the caption, are a multiple of it."""


@dataclass(frozen=True, slots=True)
class Widths:
    """dim: of a token. layers: blocks over picture and caption. refiners: those over the picture
    alone. patch: numbers in one image token, of the latents."""

    dim: int
    layers: int
    refiners: int
    patch: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Widths:
        """config: as Diffusers writes it."""
        (edge,) = config["all_patch_size"]
        return cls(
            config["dim"],
            config["n_layers"],
            config["n_refiner_layers"],
            config["in_channels"] * edge**2,
        )

    @property
    def block_weights(self) -> int:
        """Weights of a block by which each of its tokens is multiplied."""
        inner = int(self.dim / 3 * FFN_THIRDS)
        return PROJECTIONS * self.dim**2 + FFN_MATRICES * self.dim * inner


def step_flops(widths: Widths, image_tokens: int, caption_tokens: int) -> int:
    """Operations of one pass over one picture.

    image_tokens: patches of the picture, which are padded here. caption_tokens: padded.
    What is computed once for a request, the caption's own blocks and the modulation, is not in it.
    """
    padded = image_tokens + -image_tokens % PADDED_TO
    both = padded + caption_tokens
    tokens = widths.layers * both + widths.refiners * padded
    pairs = widths.layers * both**2 + widths.refiners * padded**2
    ends = 2 * widths.patch * widths.dim * image_tokens
    return 2 * widths.block_weights * tokens + 4 * widths.dim * pairs + 2 * ends
