"""Which weights may be held in eight bits; without torch, since memory is counted by it too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Quantize = Literal["none", "fp8", "int8"]

_WITH_MATRICES = ("transformer", "unet", "text_encoder")
"""Parts, by the beginning of their names, whose time and memory go into linear layers."""

_LEFT_ALONE = re.compile(
    r"embed|norm|adaln|modulation|bias|_mod\.|\btime_|\bshared\b|pad_token"
    r"|^(proj_out|img_in|txt_in|lm_head|all_final_layer|final_layer)\b",
    re.IGNORECASE,
)
"""Few numbers on which much depends: what lets prompt, noise level and latents in, and out again,
and what scales whole blocks. Published eight-bit checkpoints of these models spare the same."""

_MULTIPLE = 16
"""Of both edges of a matrix: what the eight-bit kernels of GPUs take."""


def is_quantized_part(part: str) -> bool:
    """part: as the pipeline's index names it, such as `text_encoder_2`."""
    return part.startswith(_WITH_MATRICES)


def is_quantized(weight: str, shape: Sequence[int]) -> bool:
    """Whether a weight of such a part is held in eight bits.

    weight: its dotted name in the part's file, such as `layers.0.attention.to_q.weight`.
    """
    is_matrix = len(shape) == 2 and weight.endswith(".weight")
    fits = is_matrix and not any(edge % _MULTIPLE for edge in shape)
    return fits and not _LEFT_ALONE.search(weight)
