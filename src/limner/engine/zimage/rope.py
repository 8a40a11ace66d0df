"""Rotary positions of image and caption tokens (arXiv:2104.09864), in Z-Image's three axes.

A caption stands on the first axis at (1, 0, 0), (2, 0, 0) and so on, its padding included; the
picture behind it at (padded caption + 1, row, column), its padding at (0, 0, 0). So a picture's
table depends on the length of its caption, and all rows of one pass share one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

TOKEN_MULTIPLE = 32
"""Captions and pictures are padded to it with learned tokens that take part in attention."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Tables for one shape: (tokens, 1, half of a head, 2), cosine and sine, float32.

    image: for the blocks that see the picture alone. whole: picture, then caption.
    """

    image: Any
    whole: Any


def padded(tokens: int) -> int:
    return tokens + -tokens % TOKEN_MULTIPLE


def turns(rope: Any, rows: int, columns: int, caption_tokens: int, device: Any) -> Turns:
    """The tables of a picture of rows x columns tokens behind a caption of that padded length.

    rope: the stock module's `rope_embedder`, which knows the angles.
    """
    grid = torch.cartesian_prod(
        torch.tensor([caption_tokens + 1]), torch.arange(rows), torch.arange(columns)
    )
    image = torch.zeros(padded(rows * columns), 3, dtype=torch.int64)
    image[: len(grid)] = grid
    seen = _table(rope, image, device)
    return Turns(seen, torch.cat([seen, caption_turns(rope, caption_tokens, device)]))


def caption_turns(rope: Any, tokens: int, device: Any) -> Any:
    """The table of a caption of that padded length alone."""
    positions = torch.zeros(tokens, 3, dtype=torch.int64)
    positions[:, 0] = torch.arange(1, tokens + 1)
    return _table(rope, positions, device)


def _table(rope: Any, positions: Any, device: Any) -> Any:
    return torch.view_as_real(rope(positions.to(device))).unsqueeze(1)


def rotate(x: Any, table: Any) -> Any:
    """Turn each pair of neighbouring numbers of every head by the angle of its token.

    x: (batch, tokens, heads, head). Inductor fuses real arithmetic and stops at complex numbers;
    without it one complex product is the quickest way to the same numbers.
    """
    pairs = x.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():
        (a, b), (cosine, sine) = pairs.unbind(-1), table.unbind(-1)
        turned = torch.stack((a * cosine - b * sine, a * sine + b * cosine), dim=-1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(table))
    return turned.flatten(-2).type_as(x)
